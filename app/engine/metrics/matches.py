"""Which words matched, as places in the texts as they were written.

The metrics cut, lower and stem; here every word of theirs is found again in the original, letter by letter.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.engine.metrics.records import LONGEST, Marks

_ENTITIES = (("<skipped>", ""), ("-\n", ""), ("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
"""What 13a replaces before it cuts, in its order (mteval-v13a.pl)."""
_ROUGE_WORD = re.compile(r"[a-z0-9]+")
"""What is a word to ROUGE, after lowering; its implementation replaces all the rest by spaces."""


@dataclass(frozen=True)
class Word:
    """A word as a metric compares it, and where it stands."""

    text: str
    start: int
    """Code points from the beginning of the text."""
    stop: int


def bleu_words(text: str, cut: Callable[[str], list[str]], tokenizer: str, lowercase: bool) -> list[Word]:
    """BLEU's words with their places. `cut` is BLEU's own cutting of the whole text."""
    bare = text.rstrip()  # as sacrebleu does, and before it replaces anything
    letters = _lowered(bare) if lowercase else [(letter, at, at + 1) for at, letter in enumerate(bare)]
    if tokenizer == "13a":
        for old, new in _ENTITIES:
            letters = _replaced(letters, old, new)
    # From here on the tokenizers only put in spaces: the other letters come in the same order.
    rest = iter([letter for letter in letters if not letter[0].isspace()])
    words = []
    for word in cut(text):
        places = [next(rest) for _ in word]
        words.append(Word(word, places[0][1], places[-1][2]))
    return words


def rouge_words(text: str, cut: Callable[[str], list[str]]) -> list[Word]:
    """ROUGE's words with their places. `cut` is its own cutting, asked word by word for the stems."""
    letters = _lowered(text)
    words = []
    for found in _ROUGE_WORD.finditer("".join(letter for letter, _, _ in letters)):
        start, stop = letters[found.start()][1], letters[found.end() - 1][2]
        words += [Word(stem, start, stop) for stem in cut(found.group())]
    return words


def ngram_marks(hypothesis: Sequence[Word], references: Sequence[Sequence[Word]]) -> tuple[Marks, tuple[Marks, ...]]:
    """The n-grams that BLEU counts as correct, in the hypothesis and in each reference.

    In the hypothesis an n-gram is marked as often as the reference that has most of it (Papineni et al. 2002,
    section 2.1); in a reference as often as the hypothesis has it. Which of several equal ones is marked the score
    does not say: those inside a longer match come first, so that matches stay in one piece.
    """
    ours = [_counted(hypothesis, order) for order in range(1, LONGEST + 1)]
    theirs = [[_counted(words, order) for order in range(1, LONGEST + 1)] for words in references]
    most: list[Counter[tuple[str, ...]]] = []
    for order in range(LONGEST):
        union: Counter[tuple[str, ...]] = Counter()
        for counts in theirs:
            union |= counts[order]
        most.append(union)
    return _marked(hypothesis, most), tuple(_marked(words, ours) for words in references)


def common_marks(hypothesis: Sequence[Word], reference: Sequence[Word]) -> tuple[Marks, Marks]:
    """One longest common subsequence (Lin 2004, section 3), its words marked in both texts."""
    rows, columns = len(reference), len(hypothesis)
    table = [[0] * (columns + 1)]
    for wanted in reference:
        above, line = table[-1], [0]
        for column, written in enumerate(hypothesis):
            line.append(above[column] + 1 if wanted.text == written.text else max(above[column + 1], line[column]))
        table.append(line)
    ours, theirs = [], []
    while rows and columns:
        if reference[rows - 1].text == hypothesis[columns - 1].text:
            rows, columns = rows - 1, columns - 1
            theirs.append(reference[rows])
            ours.append(hypothesis[columns])
        elif table[rows][columns - 1] > table[rows - 1][columns]:
            columns -= 1
        else:
            rows -= 1
    return _single(ours), _single(theirs)


def _single(words: list[Word]) -> Marks:
    return _marks([(word.start, word.stop, 1) for word in reversed(words)])


def _marks(spans: list[tuple[int, int, int]]) -> Marks:
    return Marks(np.array(spans, np.int32).reshape(-1, 3))


def _ngram(words: Sequence[Word], start: int, order: int) -> tuple[str, ...]:
    return tuple(word.text for word in words[start : start + order])


def _counted(words: Sequence[Word], order: int) -> Counter[tuple[str, ...]]:
    return Counter(_ngram(words, start, order) for start in range(len(words) - order + 1))


def _marked(words: Sequence[Word], allowed: Sequence[Counter[tuple[str, ...]]]) -> Marks:
    """The n-grams of these words, each at most as often as `allowed[order − 1]` says."""
    spans: list[tuple[int, int, int]] = []
    longer: set[int] = set()
    for order in range(LONGEST, 0, -1):
        left = Counter(allowed[order - 1])
        inside = {start + shift for start in longer for shift in (0, 1)}
        taken = set()
        for start in sorted(range(len(words) - order + 1), key=lambda start: (start not in inside, start)):
            ngram = _ngram(words, start, order)
            if left[ngram] > 0:
                left[ngram] -= 1
                taken.add(start)
        spans += [(words[start].start, words[start + order - 1].stop, order) for start in sorted(taken)]
        longer = taken
    return _marks(spans)


def _lowered(text: str) -> list[tuple[str, int, int]]:
    """The letters of `text.lower()` with the places they come from: "İ" becomes two."""
    places = [at for at, letter in enumerate(text) for _ in letter.lower()]
    return [(letter, at, at + 1) for letter, at in zip(text.lower(), places, strict=True)]


def _replaced(letters: list[tuple[str, int, int]], old: str, new: str) -> list[tuple[str, int, int]]:
    """`str.replace` on letters with places; what is put in stands for all that it replaces."""
    text = "".join(letter for letter, _, _ in letters)
    if old not in text:
        return letters
    result, at = [], 0
    while (found := text.find(old, at)) >= 0:
        stop = found + len(old)
        result += letters[at:found] + [(letter, letters[found][1], letters[stop - 1][2]) for letter in new]
        at = stop
    return result + letters[at:]
