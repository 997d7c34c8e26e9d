"""Questions a child asks, with short answers: facts, each asked in several ways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from example_sets.chance import Chance

SEED = 2
MOST = 4
"""In how many ways one fact is asked."""
VOWELS = "aeiou"
UNSEEN = (
    "What colour is the sky?",
    "What sound does a cow make?",
    "Where does a bird live?",
    "What is the opposite of big?",
)
"""Ways to ask that are kept out of the set, for asking afterwards."""


@dataclass(frozen=True)
class Fact:
    """One answer and the ways to ask for it."""

    answer: str
    ways: tuple[str, ...]


def a(noun: str) -> str:
    """The noun with its article."""
    return f"{'an' if noun[0] in VOWELS else 'a'} {noun}"


COLOURS = {
    "the sky": "blue", "grass": "green", "snow": "white", "the sun": "yellow", "a banana": "yellow", "coal": "black",
    "a strawberry": "red", "a carrot": "orange", "a leaf": "green", "milk": "white", "a frog": "green",
    "a crow": "black", "a lemon": "yellow", "chocolate": "brown", "an elephant": "grey", "a pig": "pink",
    "blood": "red",
}  # fmt: skip
SOUNDS = {
    "dog": "woof", "cat": "meow", "cow": "moo", "duck": "quack", "sheep": "baa", "pig": "oink", "bee": "buzz",
    "lion": "roar", "bird": "tweet", "owl": "hoot", "frog": "croak", "snake": "hiss", "mouse": "squeak",
}  # fmt: skip
HOMES = {
    "fish": "in the water", "bird": "in a nest", "bee": "in a hive", "bear": "in a cave", "cow": "on a farm",
    "fox": "in the woods", "rabbit": "in a hole", "spider": "in a web", "king": "in a castle",
    "whale": "in the sea", "monkey": "in a tree", "frog": "in a pond", "sailor": "on a ship",
}  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "Monday")
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
OPPOSITES = {
    "big": "small", "hot": "cold", "happy": "sad", "up": "down", "day": "night", "fast": "slow", "wet": "dry",
    "good": "bad", "hard": "soft", "full": "empty",
}  # fmt: skip
USES = {
    "a spoon": "eating soup", "a bed": "sleeping", "a knife": "cutting", "a cup": "drinking", "a chair": "sitting",
    "a book": "reading", "a pen": "writing", "soap": "washing", "a key": "opening a door", "a ball": "playing",
    "a broom": "sweeping the floor", "an oven": "baking bread",
}  # fmt: skip
LEGS = {
    "dog": "four", "cat": "four", "horse": "four", "bird": "two", "duck": "two", "spider": "eight", "bee": "six",
    "fish": "no",
}  # fmt: skip
BABIES = {"dog": "puppy", "cat": "kitten", "cow": "calf", "sheep": "lamb", "duck": "duckling", "bear": "cub"}
MAKERS = {
    "bakes bread": "baker", "grows food": "farmer", "helps sick people": "doctor", "puts out fires": "firefighter",
    "teaches children": "teacher", "catches fish": "fisherman", "lays eggs": "hen", "gives us milk": "cow",
    "makes honey": "bee", "wears a crown": "king",
}  # fmt: skip
OTHERS = (
    ("A week has seven days.", ("How many days are in a week?", "How many days does a week have?")),
    ("A year has twelve months.", ("How many months are in a year?", "How many months does a year have?")),
    ("A bike has two wheels.", ("How many wheels does a bike have?", "How many wheels are on a bike?")),
    ("A car has four wheels.", ("How many wheels does a car have?", "How many wheels are on a car?")),
    ("You have two eyes.", ("How many eyes do I have?", "How many eyes do you have?")),
    ("You have ten fingers.", ("How many fingers do I have?", "How many fingers do you have?")),
    ("The sun shines in the day.", ("When does the sun shine?", "When can we see the sun?")),
    ("The moon shines at night.", ("When does the moon shine?", "When can we see the moon?")),
    ("It snows in winter.", ("When does it snow?", "When can we play in the snow?")),
    ("Fire is hot.", ("Is fire hot or cold?", "How does fire feel?")),
    ("Ice is cold.", ("Is ice hot or cold?", "How does ice feel?")),
)
WAYS = {
    "colour": (
        "What colour is {}?", "What color is {}?", "Which colour is {}?", "What is the colour of {}?",
        "Tell me, what colour is {}?", "Do you know what colour {} is?",
    ),
    "sound": (
        "What does {} say?", "What sound does {} make?", "Which sound does {} make?", "What is the sound of {}?",
        "Tell me, what does {} say?", "Do you know what {} says?",
    ),
    "home": (
        "Where does {} live?", "Where is the home of {}?", "Where can we find {}?", "Tell me, where does {} live?",
        "Do you know where {} lives?", "In what place does {} live?",
    ),
    "day": (
        "Which day comes after {}?", "What day comes after {}?", "What is the day after {}?", "Which day is after {}?",
        "Tell me, what day comes after {}?", "Do you know the day after {}?",
    ),
    "number": (
        "What number comes after {}?", "Which number comes after {}?", "What is the number after {}?",
        "Tell me, what number comes after {}?", "Do you know the number after {}?", "Which number is after {}?",
    ),
    "opposite": (
        "What is the opposite of {}?", "Which word is the opposite of {}?", "Tell me the opposite of {}.",
        "What do we call the opposite of {}?", "Do you know the opposite of {}?", "Which is the opposite of {}?",
    ),
    "use": (
        "What is {} for?", "What do we use {} for?", "What do we do with {}?", "What is {} used for?",
        "Tell me, what is {} for?", "Do you know what {} is for?",
    ),
    "legs": (
        "How many legs does {} have?", "How many legs has {}?", "Tell me, how many legs does {} have?",
        "Do you know how many legs {} has?", "What number of legs does {} have?",
    ),
    "baby": (
        "What is a baby {} called?", "What do we call a baby {}?", "Which word means a baby {}?",
        "Tell me, what is a baby {} called?", "Do you know what a baby {} is called?",
    ),
    "who": ("Who {}?", "Tell me, who {}?", "Do you know who {}?", "Can you tell me who {}?"),
}  # fmt: skip


def facts() -> Iterator[Fact]:
    """All of them, kind by kind."""
    both = [*OPPOSITES.items(), *((other, word) for word, other in OPPOSITES.items())]
    yield from _of("colour", ((thing, f"{thing} is {colour}") for thing, colour in COLOURS.items()))
    yield from _of("sound", ((a(thing), f"{a(thing)} says {sound}") for thing, sound in SOUNDS.items()))
    yield from _of("home", ((a(thing), f"{a(thing)} lives {home}") for thing, home in HOMES.items()))
    yield from _of("day", ((day, f"{after} comes after {day}") for day, after in pairwise(DAYS)))
    yield from _of("number", ((number, f"{after} comes after {number}") for number, after in pairwise(NUMBERS)))
    yield from _of("opposite", ((word, f"the opposite of {word} is {other}") for word, other in both))
    yield from _of("use", ((thing, f"{thing} is for {use}") for thing, use in USES.items()))
    yield from _of("legs", ((a(thing), f"{a(thing)} has {count} legs") for thing, count in LEGS.items()))
    yield from _of("baby", ((thing, f"a baby {thing} is called {a(baby)}") for thing, baby in BABIES.items()))
    yield from _of("who", ((does, f"{a(who)} {does}") for does, who in MAKERS.items()))
    yield from (Fact(answer, ways) for answer, ways in OTHERS)


def _of(kind: str, told: Iterable[tuple[str, str]]) -> Iterator[Fact]:
    """Facts of one kind, from (what is asked about, what is true)."""
    for thing, answer in told:
        yield Fact(f"{answer[0].upper()}{answer[1:]}.", tuple(way.format(thing) for way in WAYS[kind]))


def pairs() -> list[tuple[str, str]]:
    """(question, answer): each fact in at most MOST of its ways, and nothing that is kept for asking afterwards."""
    chance = Chance(SEED)
    asked = []
    for fact in facts():
        ways = [way for way in chance.shuffled(fact.ways) if way not in UNSEEN]
        asked += [(way, fact.answer) for way in ways[:MOST]]
    return chance.shuffled(asked)
