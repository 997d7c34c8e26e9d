"""Short children's stories told like a pirate: plots of a few sentences, each sentence in several wordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from example_sets.chance import Chance

STORIES = 240
SEED = 1
SHARED = 2
"""In how many sentences two stories of one plot may agree."""
LONGEST = 330
"""Characters of a story: about 110 of story-gpt's tokens."""

HE = {"he": "he", "He": "He", "his": "his", "him": "him"}
SHE = {"he": "she", "He": "She", "his": "her", "him": "her"}
Who = tuple[str, str, Mapping[str, str]]
"""How a hero is told of first, the name, and the pronouns."""

LADS = ("Tom", "Ben", "Jack", "Sam", "Tim", "Max", "Will", "Billy", "Joe", "Fred")
LASSES = ("Lily", "Mia", "Sue", "Anna", "Molly", "Lucy", "Amy", "Jane", "Meg", "Kate")
PEOPLE: tuple[Who, ...] = (
    *((kind, name, HE) for kind in ("a wee pirate", "a brave lad", "a jolly young sailor") for name in LADS),
    *((kind, name, SHE) for kind in ("a wee pirate", "a brave lass", "a jolly young sailor") for name in LASSES),
)
CAPTAINS: tuple[Who, ...] = (
    *(("an old captain", name, HE) for name in ("Red Beard", "Black Boot", "Big Jim", "Grumpy Joe", "One Tooth")),
    *(("a bold captain", name, SHE) for name in ("Red Rose", "Salty Sal", "Big Meg", "Iron Kate", "Jolly Jane")),
)
BOATS: tuple[Who, ...] = tuple(("a wee boat", name, SHE) for name in ("Dot", "Daisy", "Nell", "Pearl", "Star", "Rosie"))


def animals(kind: str, *names: str) -> tuple[Who, ...]:
    """Heroes of one kind, a he and a she by turns, the first a he."""
    return tuple((kind, name, (HE, SHE)[number % 2]) for number, name in enumerate(names))


GREETINGS = (
    "Ahoy! ",
    "Ahoy, me hearties! ",
    "Arr! ",
    "Avast! ",
    "Yo ho ho! ",
    "Ahoy, wee mateys! ",
    "Arr, listen well! ",
)
OPENINGS = (
    "Once upon a tide there be {kind} named {n}.",
    "Once upon a time there be {kind} named {n}.",
    "Once upon a time, me hearties, there be {kind} named {n}.",
    "Once upon a time, on the wide blue sea, there be {kind} named {n}.",
    "Once upon a tide, on the salty sea, there be {kind} named {n}.",
    "Long ago there be {kind} named {n}.",
    "There once be {kind}, and {n} were {his} name.",
)
ENDINGS = (
    "And that be the end o' me tale, arr!",
    "Yo ho ho, what a day!",
    "And they all sang yo ho ho.",
    "Arr, and they be merry mateys to this day.",
    "And {n} were the happiest matey on the seven seas.",
    "Arr, me hearties, that be a fine tale!",
    "And {he} slept like a log that night, arr.",
    "And they danced on the deck 'til the moon came up.",
)


@dataclass(frozen=True)
class Plot:
    """What happens to whom: sentences in their order, each in several wordings."""

    heroes: tuple[Who, ...]
    lines: tuple[tuple[str, ...], ...]
    ends: tuple[str, ...]
    """What the story teaches, in several wordings; a story ends with one of these or with one of ENDINGS."""
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    any_end: bool = True
    """Whether ENDINGS suit it."""


PLOTS = (
    Plot(
        BOATS,
        (
            (
                "{n} were afraid o' the big waves.",
                "Every mornin' {he} stayed by the shore, for the waves be so high.",
                "The other ships sailed far, but {n} dared not leave the harbor.",
            ),
            (
                'An old {ship} said, "Sail with me, wee matey!"',
                '"Come along, lass," said a big {ship}. "I\'ll hold yer rope."',
                'Then a kind {ship} came by and said, "Ye be stronger than ye know."',
            ),
            (
                "So {n} put up {his} sail, and the wind blew, whoosh!",
                "{n} took a deep breath and sailed over one wave, and then another.",
                "Up went {n}, and down went {n}, and the sea did {him} no harm.",
            ),
            (
                '"Arr, I be a real sea boat!" {he} cried.',
                '"The waves be fun!" said {n}, and {he} laughed aloud.',
                '"Look at me, look at me!" {he} sang. "I be sailin\'!"',
            ),
        ),
        ("A wee boat can be brave too, arr!", "So be brave, mateys, and put up yer sail!"),
        {"ship": ("ship", "whale", "fishin' boat")},
    ),
    Plot(
        PEOPLE,
        (
            (
                "{n} found an old map under {his} bed.",
                "One day a gull dropped a map on {his} head.",
                "In a bottle on the sand {he} found a map with a big red X.",
            ),
            (
                '"Shiver me timbers, a treasure!" {he} cried.',
                '"Arr, this be a treasure map!" said {n}.',
                "{He} called {his} mateys, and off they sailed to the island.",
            ),
            (
                "They dug and dug by the tall tree, and there be a chest!",
                "Ten steps left and ten steps right, and there lay a big old chest.",
                "{He} dug all day in the hot sand, 'til {he} hit a chest.",
            ),
            (
                "It held no gold, but it were full o' {thing}.",
                "And what were in it? Not gold, but {thing}!",
                "{n} looked in and laughed, for it were full o' {thing}.",
            ),
        ),
        ("That be better than gold, arr!", "And {he} gave some to every matey on the ship."),
        {"thing": ("cakes", "toys", "story books", "warm socks", "red apples", "sweets")},
    ),
    Plot(
        CAPTAINS,
        (
            (
                "{n} had a fine {color} hat, and {he} loved it more than gold.",
                "Every day {he} wore a big {color} hat with a feather.",
                "{His} {color} hat were the biggest hat on the seven seas.",
            ),
            (
                "But a gull took it and flew away!",
                "One day the wind blew, and off went the hat!",
                "Then a cheeky monkey took the hat and ran up a tree.",
            ),
            (
                '"Blow me down, where be me hat?" cried the captain.',
                '"Arr, me hat, me bonny hat!" {he} cried.',
                "The captain were so sad that {he} cried into {his} soup.",
            ),
            (
                "A wee lad found it on the sand and gave it back.",
                "The cook made {him} a new hat out of an old sail.",
                "A kind fish swam up with the hat on its head.",
            ),
        ),
        ('"Thank ye, matey!" said the captain, and {he} danced a jig.', '"Ye be a true friend," said {n}.'),
        {"color": ("red", "blue", "black", "green", "yellow")},
    ),
    Plot(
        animals("a green parrot", "Pete", "Polly", "Captain Beak", "Peg", "Coco", "Kiki"),
        (
            (
                "{n} sat on the captain's arm all day but never said a word.",
                "All parrots on the ship could talk, but {n} could not.",
                "The sailors said many words to {n}, but {n} only looked at 'em.",
            ),
            (
                '"Say ahoy!" said the captain. {n} said nothin\'.',
                'The cook gave {n} a nut. "Talk, ye silly bird!" he said.',
                '"Why will ye not talk, me bird?" said the captain.',
            ),
            (
                "One dark night the ship came near the {rocks}, and all the sailors were asleep.",
                "Then one night, in the fog, the ship sailed straight to the {rocks}.",
                "One night {n} saw the {rocks} in front o' the ship.",
            ),
            (
                '"Wake up, ye dogs!" cried {n}. "Wake up!"',
                '"Arr! Turn the ship! Turn the ship!" cried the bird.',
                '"Rocks ahoy!" cried {n}, as loud as {he} could.',
            ),
        ),
        ("And the ship were safe.", "From that day on {n} never stopped talkin', arr!"),
        {"rocks": ("big rocks", "black rocks", "sharp rocks")},
    ),
    Plot(
        PEOPLE,
        (
            (
                "{n} had a big {cake} and would not share it.",
                "The cook gave {n} a sweet {cake}, and {he} hid it in a barrel.",
                '"This {cake} be mine, all mine!" said {n}.',
            ),
            (
                "{His} friend Pip had nothin' to eat and were sad.",
                "The other mateys were hungry, for the fish would not bite.",
                "A wee hungry mouse came and looked at {him}.",
            ),
            (
                "{n} ate and ate, but the {cake} did not taste good.",
                "{He} sat all alone on the deck, and it were no fun.",
                "Then {n} felt bad in {his} heart.",
            ),
            (
                '"Come here, matey, and have some o\' me {cake}," {he} said.',
                "So {he} cut the {cake} with {his} sword and gave a bit to all.",
                '"Arr, I be sorry," said {n}. "Let us share!"',
            ),
        ),
        ("A true pirate shares, me hearties!", "And it tasted better than ever, arr!"),
        {"cake": ("cake", "pie", "cookie", "apple pie")},
    ),
    Plot(
        PEOPLE,
        (
            (
                "One night a great storm came over the sea.",
                "The sky went black, and the wind began to roar.",
                "Boom! went the thunder, and the ship went up and down.",
            ),
            (
                '"Hold on to the ropes, ye dogs!" cried the captain.',
                '"All hands on deck!" cried the captain.',
                "The waves be as tall as trees, and the rain came down.",
            ),
            (
                "{n} were afraid, but {he} held the {rope} with both hands.",
                "{n} ran up and pulled down the {rope}, quick as a cat.",
                "{n} held on to the {rope} and sang a brave song.",
            ),
            (
                "In the mornin' the sun came out, and the sea were calm.",
                "At last the wind went to sleep, and the stars came out.",
                "Then the storm sailed away, and a rainbow be in the sky.",
            ),
        ),
        (
            '"Well done, me brave matey!" said the captain.',
            '"Ye saved the ship!" they all cried. "Three cheers for {n}!"',
        ),
        {"rope": ("rope", "big sail", "black sail")},
    ),
    Plot(
        animals("a big blue whale", "Wally", "Wanda", "Bill", "Bella", "Otto", "Bess"),
        (
            (
                "{n} had no friends, for the fish were afraid o' {him}.",
                "{n} were so big that the pirates sailed away from {him}.",
                "Every day {he} swam alone and sang a sad song.",
            ),
            (
                "One day a wee {boat} got stuck on the sand.",
                "Then a {boat} lost its sail and could not go home.",
                "One mornin' {he} saw a {boat} with a hole in it.",
            ),
            (
                '"Help, help!" cried the pirates. "We be lost!"',
                '"Arr, who will help us?" cried the sailors.',
                "The sailors cried, for they wanted to go home.",
            ),
            (
                '"I will help ye," said {n}, and {he} pushed the {boat} all the way home.',
                "{n} took the rope in {his} mouth and pulled 'em home.",
                "So {n} took the {boat} on {his} big back and swam to the harbor.",
            ),
        ),
        ('"Ye be our best matey!" said the pirates.', "And from that day on the whale were never alone, arr."),
        {"boat": ("ship", "pirate ship", "fishin' boat")},
    ),
    Plot(
        animals("a wee red crab", "Clack", "Clara", "Snap", "Sandy", "Pinch", "Ruby"),
        (
            (
                "{n} could not find {his} mama on the big beach.",
                "A wave came and took {n} far away from home.",
                "{n} walked too far on the sand and got lost.",
            ),
            (
                '"Have ye seen me mama?" {he} asked a {bird}.',
                "{He} asked a {bird}, and {he} asked a fish, but they did not know.",
                'A {bird} came by and said, "Why do ye cry, wee crab?"',
            ),
            (
                "Then a pirate lad took {him} up in his hat.",
                "A kind old pirate heard {him} and sat down on the sand.",
                'Then a pirate lass said, "Dry yer eyes, matey, I will help ye."',
            ),
            (
                "They looked under this rock and under that rock, and there be mama crab!",
                "They walked along the shore and called, and out came mama!",
                "They went to the big black rock, and mama be there.",
            ),
        ),
        ('"Arr, there ye be, me wee one!" said mama.', "Mama hugged {him} with all her legs, arr!"),
        {"bird": ("gull", "duck", "parrot")},
    ),
    Plot(
        PEOPLE,
        (
            (
                "One mornin' {n} saw water on the floor o' the ship. \"A leak!\" {he} cried.",
                "Drip, drip, drip! There were a hole in the ship.",
                "The ship hit a rock, and the water came in.",
            ),
            (
                '"Arr, we be sinkin\'!" cried the captain.',
                "All the pirates ran here and there and cried.",
                "The captain looked for wood, but there be no wood.",
            ),
            (
                "But {n} took {thing} and put it in the hole.",
                'Then {n} had a thought. "We can use {thing}!" {he} said.',
                "{n} sat down and stopped the hole with {thing}.",
            ),
            (
                "The water stopped, and the ship sailed on.",
                "Not one drop more came in!",
                "It held all day and all night, 'til they came to the shore.",
            ),
        ),
        ('"Ye be a clever matey," said the captain.', "And the captain gave {him} a gold coin, arr!"),
        {"thing": ("an old shirt", "a big cheese", "the captain's sock", "a soft pillow", "{his} hat", "sticky bread")},
    ),
    Plot(
        CAPTAINS,
        (
            (
                "{n} could not sleep at night.",
                "Night after night {n} lay in {his} bed with open eyes.",
                "{n} were afraid o' the dark, but {he} told no one.",
            ),
            (
                "{He} counted fish, and {he} drank warm milk, but it did not help.",
                '"Arr, I be so tired," {he} said to {his} {pet}.',
                "{He} walked up and down the deck in {his} socks.",
            ),
            (
                "Then the cabin boy came and sang a soft song.",
                "Then the {pet} came and lay down on {his} feet.",
                "Then a wee lass gave {him} her own toy bear.",
            ),
            (
                "The captain closed one eye, and then the other.",
                '"That be nice," said {n}, and {his} eyes fell shut.',
                "The waves rocked the ship, and soon {he} snored.",
            ),
        ),
        (
            "Good night, captain! Good night, sea!",
            "And that be the end o' me tale, arr!",
            "Even a pirate needs a friend at night, arr.",
        ),
        {"pet": ("cat", "dog", "parrot")},
        any_end=False,
    ),
    Plot(
        BOATS,
        (
            (
                'A big black ship laughed. "Race me to the {place}, wee slow one!" it said.',
                '"Let us race to the {place}!" said a big proud ship.',
                "One day there were a race to the {place}, and all the big ships came.",
            ),
            (
                "Off they went, and the big ship were soon far ahead.",
                "The big ship sailed fast, but {n} did not give up.",
                "The wind blew, and {n} were the last of all.",
            ),
            (
                "But near the {place} the water were low, and the big ship got stuck.",
                "But the big ship looked back to laugh, and it hit a rock.",
                "But the big ship hit the sand and could go no more.",
            ),
            (
                "{n} sailed by and won the race!",
                "{n} stopped and pulled the big ship out, and they came in side by side.",
                "Wee {n} sailed on, light as a leaf, and came in first.",
            ),
        ),
        ('"I be sorry that I laughed," said the big ship.', "Wee and slow can do big things, arr!"),
        {"place": ("island", "big rock", "old tree", "harbor")},
    ),
    Plot(
        animals("a ship's cat", "Whiskers", "Missy", "Salt", "Pepper", "Tiger", "Biscuit"),
        (
            (
                "{n} were afraid o' the water and hid in a barrel.",
                "{n} slept all day in the captain's boot.",
                "{n} should catch the mice, but {he} only wanted to play with 'em.",
            ),
            (
                '"Ye be a lazy cat," said the {man}.',
                'The {man} said, "A pirate cat must be brave!"',
                "All the sailors laughed at {him}, and {n} were sad.",
            ),
            (
                "One day a wee mouse fell into the sea.",
                "Then a baby gull fell into the water. Splash!",
                "One day the {man}'s hat fell into the sea.",
            ),
            (
                "{n} jumped in and brought it back in {his} mouth.",
                "Quick as the wind {n} jumped in after it and saved it.",
                "{n} forgot to be afraid, jumped in, and pulled it out.",
            ),
        ),
        ('"Blow me down, that be a brave cat!" said the {man}.', "And {n} got a big fish for supper, arr!"),
        {"man": ("cook", "captain", "old sailor")},
    ),
    Plot(
        PEOPLE,
        (
            (
                "{n} found a bottle on the beach, and in it be a letter.",
                "One day a green bottle came over the waves to {n}.",
                "{n} pulled in {his} net, and there be a bottle in it.",
            ),
            (
                '"Help! I be all alone on the {island}," said the letter.',
                'The letter said, "Please come and play with me on the {island}."',
                'It said, "Ahoy! I live on the {island}, and I have no friend."',
            ),
            (
                "So {n} sailed day and night, with the stars to show the way.",
                "{n} jumped into {his} boat and put up the sail.",
                '"I be comin\', matey!" cried {n}, and off {he} went.',
            ),
            (
                "On the beach sat a wee {friend}, wavin' and laughin'.",
                "And who had written it? A lonely {friend}!",
                "There {he} found a {friend}, who danced for joy.",
            ),
        ),
        ("And they were mateys for ever and ever, arr!", "So write to yer friends, me hearties!"),
        {"island": ("far island", "green island", "wee island"), "friend": ("monkey", "old pirate", "girl", "turtle")},
    ),
    Plot(
        CAPTAINS,
        (
            (
                "{n} had lost the key to the treasure chest.",
                '"Where be me key?" cried {n}. "I cannot open me chest!"',
                "One day the key to {his} big chest were gone.",
            ),
            (
                "They looked in the barrels, and they looked in the beds.",
                "All the pirates looked high and low, and even in the soup.",
                "{He} looked in {his} boots and under the cat.",
            ),
            (
                "No key! The captain sat down and cried a wee bit.",
                '"Arr, me treasure be lost," {he} said.',
                "{He} stamped {his} foot and pulled {his} hair.",
            ),
            (
                'Then a wee lad laughed. "It be {spot}!" he said.',
                'The parrot said, "Silly captain, it be {spot}!"',
                "And do ye know where it were? It be {spot}!",
            ),
        ),
        ("How they all laughed, ho ho ho!", '"Shiver me timbers, so it be!" said the captain.'),
        {"spot": ("on yer own neck", "in yer hat", "in yer own hand", "in yer left boot")},
    ),
    Plot(
        animals("a cheeky monkey", "Momo", "Mimi", "Jojo", "Lulu", "Chip", "Nana"),
        (
            (
                "{n} took all the {food} from the kitchen.",
                "One night {n} ate the captain's {food}.",
                "{n} hid the cook's {food} high up in the sails.",
            ),
            (
                '"Who took the {food}?" cried the captain. "Arr, I be angry!"',
                "The captain looked at the dog, and the poor dog hung its head.",
                '"It were the cat!" said the cook, and the cat had to go to bed with no supper.',
            ),
            (
                "{n} saw it and felt bad.",
                "{n} hid behind a barrel, but {his} heart were heavy.",
                "That were not right, and {n} knew it.",
            ),
            (
                '"It were me," said {n}. "I be sorry, captain."',
                "So {n} came out and told the truth.",
                "{n} gave the rest back and washed the deck all day.",
            ),
        ),
        ("It be good to tell the truth, mateys!", '"Aye, ye be an honest monkey," said the captain.'),
        {"food": ("cookies", "apples", "cheese", "cakes")},
    ),
    Plot(
        PEOPLE,
        (
            (
                "One day {n} caught a {fish} in {his} net.",
                "{n} went fishin', and a {fish} bit on the line.",
                "A {fish} jumped right into {his} boat.",
            ),
            (
                '"Let me go, and I will help ye one day!" said the fish.',
                '"Please do not eat me," said the fish. "I be too wee!"',
                'The fish cried wee salty tears and said, "I want to go home."',
            ),
            (
                "{n} felt sorry for it and put it back into the sea.",
                '"Aye, swim home, wee matey," said {n}.',
                "{n} were hungry, but {he} were kind, and {he} let it go.",
            ),
            (
                "The next day {his} net were full o' gold coins!",
                "The next day the fish came back with a big pearl for {him}.",
                "And when {n} fell into the sea one day, the fish came and saved {him}.",
            ),
        ),
        ("Be kind to fish, me hearties!", "A kind heart be worth more than gold, arr."),
        {"fish": ("gold fish", "wee silver fish", "wee red fish")},
    ),
    Plot(
        PEOPLE,
        (
            (
                "{n} wanted to climb to the top o' the {mast}.",
                "The {mast} were so high that {n} were afraid to climb it.",
                '"I cannot climb the {mast}," said {n}. "I be too wee."',
            ),
            (
                '"One foot and then the other," said the old sailor.',
                '"Do not look down, matey," said the captain.',
                "Every day {he} tried, and every day {he} climbed a bit more.",
            ),
            (
                "Up and up {he} went, over the sails and over the gulls.",
                "{He} slipped one time, but {he} held on and climbed.",
                "{His} legs shook, but up {he} went.",
            ),
            (
                'At the top {he} cried, "Land ahoy!"',
                "From the top {he} saw {sight}!",
                '"Arr, I see {sight}!" {he} cried.',
            ),
        ),
        ("Try and try, and ye will do it, arr!", "And all the mateys clapped and cheered."),
        {"mast": ("mast", "big mast"), "sight": ("a green island", "ten jumpin' whales", "{his} own wee house")},
    ),
    Plot(
        PEOPLE,
        (
            (
                "One night a thick fog came, and no ship could see.",
                "{n} lived by the sea in a tall house with a light.",
                "The night were dark, and {n} heard a ship's bell far away.",
            ),
            (
                '"Where be the harbor?" cried the sailors in the dark.',
                "Out on the sea the pirates were lost, and they cried for help.",
                '"Help, we cannot see!" cried the pirates.',
            ),
            (
                "{n} ran up the hill and lit a big {light}.",
                "So {n} took a {light} and held it up high.",
                "{n} had only a {light}, but {he} held it up all night.",
            ),
            (
                '"A light, a light! We be saved!" cried the pirates.',
                "The sailors saw it, turned the ship, and came home safe.",
                "The ship came in slowly, and all the pirates hugged {him}.",
            ),
        ),
        ("One wee light can save a ship, arr!", '"Thank ye, {n}, ye be a hero!" they said.'),
        {"light": ("lamp", "lantern", "torch")},
    ),
    Plot(
        animals("a ship's cook", "Bob", "Betty", "Gus", "Nan", "Stew", "Bess"),
        (
            (
                "One day {he} put too much {salt} in the soup.",
                "{n} made a soup out of fish, {salt} and an old boot.",
                "A bag of {salt} fell into {his} soup. Plop!",
            ),
            (
                '"Yuck!" said the pirates. "This be the worst soup on the seven seas!"',
                "The captain took one sip, and his face went green.",
                '"Arr, what be this?" said the captain, and he spat it out.',
            ),
            (
                "{n} were sad and wanted to throw it into the sea.",
                "{n} began to cry under {his} big hat.",
                '"I be a bad cook," said {n}.',
            ),
            (
                "But a sick old whale drank it all and felt well again.",
                'But the wee cabin boy said, "I will help ye make a new one."',
                "But the gulls loved it and ate it all up.",
            ),
        ),
        ('"No harm done, matey," they said.', "And they had bread and cheese for supper, arr."),
        {"salt": ("salt", "pepper", "sugar")},
    ),
    Plot(
        PEOPLE,
        (
            (
                '"Wash the deck, ye wee dog!" said the captain to {n}.',
                "{n} had to wash the deck every mornin'.",
                "The deck were so dirty that {n} had to wash it all day.",
            ),
            (
                "{n} used too much soap, and there were bubbles all over the ship.",
                "Rub, rub, rub! The soap made a hundred bubbles.",
                "{He} tipped all the soap out, and the bubbles went up to the {up}.",
            ),
            (
                "The captain slipped and slid and sat down with a bump.",
                'The captain came out and slipped. "Blow me down!" he cried.',
                "The cook, the cat and the captain slid over the deck, wheee!",
            ),
            (
                "At first he were angry, but then he began to laugh.",
                "Then all the pirates wanted to slide too.",
                '"Arr, that be fun! Do it again!" cried the captain.',
            ),
        ),
        ("It were the cleanest ship on the seven seas!", "And after that they washed the deck every day, arr!"),
        {"up": ("sails", "sky", "captain's nose")},
    ),
    Plot(
        PEOPLE,
        (
            (
                "It were {his} birthday, but no one said a word.",
                '{n} woke up and thought, "It be me birthday!"',
                "{n} were six today, and {he} ran up on deck.",
            ),
            (
                "The captain looked at the sea, and the cook looked at his pot.",
                '"Good mornin\'," said the captain, and that were all.',
                "There be nobody on the deck, not even the cat.",
            ),
            (
                '"They forgot me," said {n}, and a tear ran down {his} nose.',
                "{n} sat down on a barrel and were sad.",
                '"Arr, I be all alone," said {n}.',
            ),
            (
                'Then out jumped all the pirates. "Happy birthday, matey!" they cried.',
                "Then {he} heard a song, and out they came with a big cake.",
                'Boom! went the big gun, and they all cried, "Hooray for {n}!"',
            ),
        ),
        ("And {n} got {gift}, arr!", "The captain gave {him} {gift}, and they danced all night."),
        {"gift": ("a wooden sword", "a new hat", "a wee boat", "a toy parrot", "a gold coin")},
    ),
    Plot(
        PEOPLE,
        (
            (
                "A sea monster lived by the island, and all pirates feared it.",
                "One day a big green monster came up out of the sea.",
                "{n} heard a loud roar from a dark cave.",
            ),
            (
                '"Run for yer lives!" cried the captain.',
                "The pirates hid in the barrels and shook.",
                '"Shiver me timbers, it will eat us!" cried the cook.',
            ),
            (
                'But {n} said, "Ahoy, monster, why do ye roar?"',
                'But {n} were not afraid. "What be the matter?" {he} asked.',
                "But {n} saw a tear in its big eye.",
            ),
            (
                '"{trouble}," said the monster, and {n} helped it.',
                'The monster said, "{trouble}." So {n} gave it a hug and helped it.',
                '"{trouble}!" cried the monster. "Aye, I will help ye," said {n}.',
            ),
        ),
        ("And the monster pulled the ship all the way home.", "Even a monster needs a matey, arr!"),
        {"trouble": ("Me tooth hurts", "Me tail be stuck", "Me ball be lost", "Me tummy hurts")},
    ),
    Plot(
        PEOPLE,
        (
            (
                "{n} were far from home and did not know the way.",
                "The ship were lost, and the map were wet.",
                "For ten days {n} sailed and saw no land.",
            ),
            (
                "At night {he} looked up and saw one bright {star}.",
                "Then a bright {star} came out from behind a cloud.",
                '"Ahoy up there!" {he} called to the {star}. "Which way be home?"',
            ),
            (
                '"Sail after me, matey," said the {star}.',
                "The {star} made a silver road on the water.",
                "The {star} winked at {him} and went before the ship.",
            ),
            (
                "In the mornin' {n} saw the harbor and {his} own wee house.",
                "{n} sailed and sailed, and there be home!",
                "At dawn mama stood on the shore and waved.",
            ),
        ),
        ('"Thank ye, {star}!" said {n}.', "So look up when ye be lost, me hearties."),
        {"star": ("star", "moon")},
        any_end=False,
    ),
    Plot(
        animals("a pirate dog", "Bones", "Belle", "Rex", "Daisy", "Barky", "Goldie"),
        (
            (
                "{n} loved to dig, and {he} dug holes all over the island.",
                "{n} could smell treasure under the sand.",
                "Every day {n} ran along the beach with {his} nose in the sand.",
            ),
            (
                '"Stop that, ye bad dog!" said the captain.',
                "The pirates fell into the holes and were cross.",
                '"There be nothin\' here but sand," said the pirates.',
            ),
            (
                "But {n} dug and dug, and the sand flew.",
                "{n} said woof and dug on.",
                "Then {n} began to bark and wag {his} tail.",
            ),
            (
                "Out came {find}!",
                "And what did {he} find? It were {find}!",
                "Deep in the sand be {find}.",
            ),
        ),
        (
            '"Arr, good dog!" cried the captain, and {n} got a big bone.',
            "And {n} be the first dog with a captain's hat, arr!",
        ),
        {
            "find": (
                "a chest full o' gold",
                "the captain's lost boot",
                "a gold cup",
                "the biggest bone on the seven seas",
            )
        },
    ),
)


def stories() -> list[str]:
    """STORIES of them, no two of a plot alike in more than SHARED sentences, as many of one plot as of another."""
    chance = Chance(SEED)
    told: list[str] = []
    kept: list[list[list[str]]] = [[] for _ in PLOTS]
    while len(told) < STORIES:
        number = len(told) % len(PLOTS)
        sentences = _story(PLOTS[number], chance)
        text = " ".join(sentences)
        alike = any(len(set(sentences) & set(other)) > SHARED for other in kept[number])
        if len(text) <= LONGEST and not alike:
            kept[number].append(sentences)
            told.append(text)
    return chance.shuffled(told)


def _story(plot: Plot, chance: Chance) -> list[str]:
    kind, name, pronouns = chance.one(plot.heroes)
    words: dict[str, str] = {"kind": kind, "n": name, **pronouns, "His": pronouns["his"].capitalize()}
    words |= {slot: chance.one(choices).format_map(words) for slot, choices in plot.words.items()}
    opening = chance.one(GREETINGS) * chance.one((False, True)) + chance.one(OPENINGS)
    end = chance.one(chance.one((plot.ends, ENDINGS if plot.any_end else plot.ends)))
    told = [opening, *(chance.one(wordings) for wordings in plot.lines), end]
    return [sentence.format_map(words) for sentence in told]
