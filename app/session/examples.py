"""Texts that show each kind of model at its best, and where to look in the bundled ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.engine.models.records import ModelSummary


@dataclass(frozen=True)
class Example:
    """One text, with the second sentence of a pair or a target, and what is selected when it is opened."""

    text: str
    second: str = ""
    kind: str = ""
    layer: int | None = None
    head: int | None = None
    query: int | None = None

    @property
    def label(self) -> str:
        """What the button says that opens it."""
        return f"{self.text} / {self.second}" if self.second else self.text


MASK = "[MASK]"
STORIES = (
    Example("When Tim and Sue went to the park, Tim gave a ball to"),
    Example("Once upon a time there was a little rabbit who lived in"),
    Example("The red fox saw the red bird. The red fox saw the red"),
)
BEGINNINGS = (
    "Once upon a time, there was a",
    "Lily found a shiny key under the old tree. She",
    "The little fox was hungry, so he went to the",
)
GAPS = (
    Example(f"The little girl {MASK} to the door."),
    Example("The king was very old.", "The battery is too small."),
    Example(f"Once upon a {MASK} there was a king."),
)
OPINIONS = (
    Example("A warm and funny film."),
    Example("The battery died after two days."),
    Example("It looks good, but it is not worth the money."),
)
TRANSLATIONS = (
    Example("Tom likes to eat red apples."),
    Example("I have never seen the sea."),
    Example("Where did you buy that hat?"),
)
_BUNDLED = {
    "story-gpt": STORIES,
    # A head of block 1 in which the gap looks at the noun that it leads to.
    "story-bert": (replace(GAPS[0], layer=1, head=3, query=4), *GAPS[1:]),
    "story-bert-sentiment": OPINIONS,
    # A head that finds the word which a target token translates: 83 of the 85 in the tests.
    "bart-en-fr": tuple(replace(example, kind="cross", layer=0, head=1) for example in TRANSLATIONS),
}


def examples_for(summary: ModelSummary | None) -> tuple[Example, ...]:
    """The examples of a model; for one that is not bundled, those of its kind."""
    if summary is None:
        return STORIES
    if summary.ref in _BUNDLED:
        return _BUNDLED[summary.ref]
    if summary.answer == "masked token" and summary.mask_token:
        return tuple(
            Example(example.text.replace(MASK, summary.mask_token), example.second.replace(MASK, summary.mask_token))
            for example in GAPS
        )
    return {"encoder": OPINIONS, "encoder-decoder": TRANSLATIONS}.get(summary.kind, STORIES)


def to_write_on(summary: ModelSummary | None) -> tuple[str, ...]:
    """Texts that a model can continue, translate, or fill the gaps of; () for one that writes nothing."""
    if summary is None or summary.kind == "decoder":
        return BEGINNINGS
    examples = examples_for(summary)
    if summary.kind == "encoder":
        return tuple(each.text for each in examples if summary.mask_token and summary.mask_token in each.text)
    return tuple(each.text for each in examples)


def is_example(text: str, second: str) -> bool:
    """Whether these texts are an example of some bundled model, so that nobody's own text is lost by replacing them."""
    return any((example.text, example.second) == (text, second) for known in _BUNDLED.values() for example in known)
