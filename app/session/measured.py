"""What the Evaluate page knows of models, texts and the figures between them, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.engine.evaluate.records import CAUSAL, Calibration, Comparison, Curve, Stretch, TextPage

NOT_YET, WAITING, RUNNING, DONE, STALE, FAILED = "not yet", "waiting", "running", "done", "stale", "failed"
"""States of a cell. STALE: measured, but the model, the text or the windows are others now."""
NO_SOURCE = "no source"
"""The state of a cell whose model reads a source beside the text, which has none."""


@dataclass(frozen=True)
class Contender:
    """A model of the table: the one in a slot, or one that is opened for measuring alone."""

    ref: str
    precision: str = "auto"
    device: str = "auto"
    slot: str = ""
    """"A" or "B" for the one that is open there, else ''."""

    @property
    def name(self) -> str:
        """The last part of the ref, and the precision where one was asked for."""
        name = Path(self.ref).name
        return name if self.precision == "auto" else f"{name} {self.precision}"


@dataclass(frozen=True)
class Figures:
    """One cell: what one model paid for one text, with what is needed to measure it again."""

    model: str
    ref: str
    text: str
    """The text's name."""
    objective: str
    """CAUSAL, MASKED or CONDITIONAL of the engine's records."""
    perplexity: float
    nats_per_token: float
    bits_per_byte: float
    word_perplexity: float
    byte_perplexity: float
    tokens: int
    """Tokens that were scored."""
    bytes: int
    words: int
    records: int
    skipped: int
    window: int
    stride: int
    plan: str
    """"sliding" or "lm-eval"."""
    precision: str
    device: str
    seconds: float
    standard_error: float
    """Of bits per byte, from a bootstrap over parts of the text; NaN where the text is too short."""
    accuracy: float
    top5: float
    entropy: float
    """Nats."""
    calibration_error: float
    family: str
    parameters: int
    vocabulary: int
    text_hash: str
    """sha256 of what was measured."""
    model_hash: str
    """Of the names, sizes and times of the model's files."""
    tokenizer_hash: str
    """Models with the same one split texts the same way."""
    versions: str
    """"torch 2.13.0, transformers 5.23.0"."""
    source: str
    """Where the text comes from, with the column that was read."""
    text_mark: str
    """Of a look at the source: another mark, another text."""
    when: float
    """Seconds since the epoch."""
    key: str
    """Of every input: another key, another measurement."""
    cell: str = ""
    """Which cell of the table it stood in, whatever its inputs were then."""
    asked: str = ""
    """The window and stride asked for: "auto", "512/256", "lm-eval 512"."""
    revision: str = ""
    """The commit of a dataset of the hub, else ''."""
    config: str = ""
    split: str = ""
    """Of a dataset; '' for its only configuration, and for "test" or what there is."""
    limit: int = 0
    """The most rows that were read, 0 for all."""
    column: str = ""
    """The column of a table that was read, also where nobody named one."""
    source_column: str = ""
    encoding: str = ""
    """In which a file of letters was read, also where it was found out."""
    model_contents: str = ""
    """SHA-256 of what sha256sum says of the model's files, sorted by name."""
    model_commit: str = ""
    """Of a model of the hub, else ''."""
    note: str = ""
    """The person's own."""


@dataclass(frozen=True)
class Cell:
    """A cell of the table as it is shown."""

    state: str = NOT_YET
    figures: Figures | None = None
    error: str = ""
    """Why it FAILED, or what changed when it is STALE."""
    best: bool = False
    """The lowest bits per byte of its text among the cells of one objective; only with others to compare."""
    share: float = 0.0
    """Done so far while RUNNING."""


@dataclass(frozen=True)
class RowHead:
    """A model of the table as it is shown."""

    contender: Contender
    name: str
    facts: str = ""
    """"6.3M", "6.3M · bf16"; '' while nothing is known of it."""
    vocabulary: int = 0
    """Entries of its tokenizer, 0 while unknown."""
    objective: str = CAUSAL


@dataclass(frozen=True)
class ColumnHead:
    """A text of the table as it is shown."""

    name: str
    facts: str = ""
    """"2.1 kB", "1,000 records"."""
    problem: str = ""
    """Why it cannot be read, '' when it can."""


@dataclass(frozen=True)
class Table:
    """Models × texts."""

    rows: tuple[RowHead, ...] = ()
    columns: tuple[ColumnHead, ...] = ()
    cells: tuple[tuple[Cell, ...], ...] = ()
    """`cells[row][column]`."""

    @property
    def objectives(self) -> tuple[str, ...]:
        """The kinds of figures in it; more than one are no ranking."""
        return tuple(sorted({cell.figures.objective for row in self.cells for cell in row if cell.figures}))

    @property
    def split_alike(self) -> bool:
        """Whether all models that were measured have one tokenizer, so that their perplexities compare."""
        return len({cell.figures.tokenizer_hash for row in self.cells for cell in row if cell.figures}) <= 1


@dataclass(frozen=True, eq=False)
class CellReading:
    """What is shown of a measured cell, or of two models on the same text."""

    figures: tuple[Figures, ...]
    """One or two, A above B."""
    slots: tuple[str, ...]
    """How each is marked: "A", "B"; '' for a lone one that is not open."""
    page: TextPage
    overview: tuple[np.ndarray, ...]
    """float64 `[column]` a model: bits per byte along the whole text."""
    position: tuple[Curve, ...]
    cumulative: tuple[Curve, ...]
    context: tuple[Curve, ...]
    """Bits per token by how many tokens stood before."""
    calibrations: tuple[Calibration, ...]
    spans: tuple[Stretch, ...] = ()
    """With two models: where one wins most."""
    comparison: Comparison | None = None
    warming: int = 0
    """Bytes of the first window, in which the context still grows."""
    chosen: int = 0
    """Which of the two was clicked; the other one stands beside it."""
