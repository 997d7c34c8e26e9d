"""What the Explain panel says about the thing on screen. Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ShapeBlock:
    """A matrix of a formula, drawn as a block: `joint` is the sign before it, such as "·" or "→".

    `label` may hold one "^" before a superscript ("K^T"); `result` marks what the formula gives.
    """

    label: str
    rows: int
    columns: int
    joint: str = ""
    result: bool = False


@dataclass(frozen=True)
class Explanation:
    """The texts of the panel. `looking_at`, `plain` and `try_this` are rich text; so is `formula_html`.

    Any text from a model or a person inside them must be escaped with `html.escape`.
    """

    title: str
    subtitle: str = ""
    looking_at: str = ""
    formula_html: str = ""
    blocks: tuple[ShapeBlock, ...] = ()
    formula_note: str = ""
    formula_caption: str = "Formula, with this model’s shapes"
    plain: str = ""
    try_this: str = ""
