"""What finetuning shows: data after its template, how a run goes, what it cost. Records that need no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TEXT, COMPLETION, INSTRUCTION, CHAT = "text", "prompt and completion", "instruction", "chat"
SHAPES = (TEXT, COMPLETION, INSTRUCTION, CHAT)
"""What the records of a file are: a plain text; a prompt and how it goes on; an instruction with an input and an
output; messages of a chat."""
BROKEN, EMPTY, DUPLICATE, CUT, MASKED = "broken", "empty", "duplicate", "cut", "nothing to learn"
IGNORED = -100
"""The label of a token that is not learnt from, as transformers has it."""
RUNNING, DIVERGED = "running", "diverged"
"""States of runs: under way now; ended because the loss went wrong and did not come back."""
LEARNT = "learnt tokens"
"""What a run's held-out loss counts: the tokens that are learnt, of a masked model those it hides."""


@dataclass(frozen=True)
class Shape:
    """How records become examples."""

    kind: str
    """One of SHAPES."""
    columns: tuple[tuple[str, str], ...]
    """(role, column): ("prompt", "question"), ("completion", "answer"), ("text", "story"), ("messages", "messages"),
    ("instruction", …), ("input", …), ("output", …)."""

    def column(self, role: str) -> str:
        """The column that has a role, '' for none."""
        return next((column for name, column in self.columns if name == role), "")


@dataclass(frozen=True, eq=False)
class Example:
    """One example as the model gets it."""

    ids: np.ndarray
    """int64 `[token]`: the model's input; of an encoder-decoder what the encoder reads."""
    labels: np.ndarray
    """int64 `[token]`: what is to be learnt, IGNORED elsewhere. Of a decoder and a masked model beside `ids`, of an
    encoder-decoder the target's."""
    place: str
    """Where its record stands: "line 12"."""
    cut: int = 0
    """Tokens that were cut off."""
    length: int = 0
    """Tokens before it was cut; of an encoder-decoder the longer one's of what it reads and what it writes."""

    @property
    def trained(self) -> int:
        """How many tokens are learnt from. A decoder's first label has nothing before it and is none."""
        return int(np.count_nonzero(self.labels != IGNORED))


@dataclass(frozen=True)
class Problem:
    """A record that is not used as it stands, or not wholly."""

    place: str
    kind: str
    """BROKEN, EMPTY, DUPLICATE, CUT or MASKED."""
    words: str
    """"duplicate of line 2", "cut at 512"."""
    used: bool
    """CUT and DUPLICATE records are used, the others left out."""


@dataclass(frozen=True)
class PreviewToken:
    """A token of an example after the template."""

    text: str
    trained: bool
    special: bool = False


@dataclass(frozen=True)
class PreviewRow:
    """One record in the table of the data."""

    place: str
    text: str
    """Its beginning."""
    tokens: int
    problem: Problem | None = None
    held_out: bool = False


@dataclass(frozen=True, eq=False)
class DataPreview:
    """A file of examples, read for one model."""

    name: str
    shape: Shape
    shapes: tuple[Shape, ...]
    """Others that the columns allow."""
    rows: tuple[PreviewRow, ...]
    """The first records, in the file's order."""
    records: int
    """All records of the file."""
    usable: int
    held_out: int
    problems: tuple[Problem, ...]
    lengths: np.ndarray
    """int64 `[example]`: `Example.length` of every usable example."""
    longest: int
    """Tokens after which an example is cut."""
    tokens: int
    """Of all usable examples, after cutting."""
    trained: int
    """Of these, learnt from; of a masked model those that can be hidden, of which each step takes 15 %."""
    hash: str
    """sha256 of all records."""
    template: str = ""
    """The chat template that is used, '' where there is none."""


@dataclass(frozen=True)
class MemoryPart:
    """A part of the memory that training takes, in bytes."""

    name: str
    size: int


@dataclass(frozen=True)
class Costs:
    """What a run takes, told before it starts."""

    trainable: int
    total: int
    """Parameters: those that are trained, and all."""
    parts: tuple[MemoryPart, ...]
    """Weights, adapter and its optimizer, gradients, activations."""
    free: int
    """Bytes free on the device now."""
    steps: int
    seconds_a_step: float
    """Of a few probe steps; 0 before there were any."""
    targets: tuple[str, ...] = ()
    """The modules that LoRA changes."""

    @property
    def needed(self) -> int:
        """Bytes beside the weights, which are there already."""
        return sum(part.size for part in self.parts if part.name != "weights")


@dataclass(frozen=True)
class StepReport:
    """One optimizer step."""

    step: int
    """Counted from 1."""
    steps: int
    loss: float
    """Mean nats per trained token of the step's batch, before the update."""
    learning_rate: float
    gradient_norm: float
    """Before clipping."""
    tokens: int
    """Trained tokens of the step."""
    seconds: float
    epoch: float
    """How often the examples were seen so far."""


@dataclass(frozen=True)
class HeldOutReport:
    """A look at the held-out examples, before the first step and ever so often."""

    step: int
    loss: float
    """Mean nats per trained token."""
    perplexity: float
    tokens: int
    best: bool


@dataclass(frozen=True)
class SampleReport:
    """What the model wrote for a prompt of the person."""

    step: int
    prompt: str
    text: str


@dataclass(frozen=True)
class CheckpointReport:
    """A checkpoint that was written, whole."""

    step: int
    folder: str


Report = StepReport | HeldOutReport | SampleReport | CheckpointReport


@dataclass(frozen=True)
class RunEnd:
    """How a run ended."""

    reason: str
    """"done", "stopped", "stopped early"."""
    step: int
    steps: int
    folder: str
    """The adapter's or model's folder."""
    first_held_out: float | None
    last_held_out: float | None
    best_held_out: float | None
    """Mean nats per trained token."""
    best_step: int | None
    seconds: float
    tokens: int
    """Trained tokens over all steps."""
    peak_bytes: int = 0
    """The most memory that was held: of the GPU while it trained, else of the whole process since its start."""
    result_step: int | None = None
    """After which step the result's weights are those: the last one, or the best one where the run stopped early."""


@dataclass(frozen=True)
class RunEntry:
    """A run in the list of runs, told from its folder."""

    folder: str
    name: str
    base: str
    method: str
    data: str
    step: int
    steps: int
    state: str
    """"done", "stopped", "stopped early", DIVERGED, "unfinished" where it was broken off, RUNNING while it is under
    way."""
    when: float
    """Seconds since the epoch of its last change."""
    first_held_out: float | None
    best_held_out: float | None
    checkpoints: tuple[int, ...] = ()
    """Steps at which there are checkpoints."""
    result: str = ""
    """What opens what the run left, '' where it came to no end."""
    best: str = ""
    """What opens the weights with the lowest held-out loss where the result has others, else ''."""
    best_step: int | None = None


@dataclass(frozen=True)
class WeightChange:
    """How far finetuning moved one tensor of a model."""

    path: str
    """The module, with the parameter's name behind it where that is not its weight: "transformer.h.2.attn.c_attn"."""
    layer: int | None
    """The block it stands in, None outside the blocks."""
    part: str
    """Its place in the block, the same in every block: "attn.c_attn", "decoder.fc1"; outside them what it is, such as
    "token embedding"."""
    norm: float
    """‖ΔW‖, the Frobenius norm of the change."""
    relative: float
    """‖ΔW‖ / ‖W‖ with W as it was before; infinite where that was all 0."""
    shape: tuple[int, ...]


@dataclass(frozen=True)
class DomainFigures:
    """How surprised two sides of a comparison are by the same texts."""

    texts: str
    """Which: "24 held-out texts of pirate-tales.jsonl"."""
    tokens: int
    """Scored tokens, of the first side."""
    perplexities: tuple[float, float]
    objective: str
    """What kind of perplexity it is: as `app.engine.evaluate` names it, or LEARNT as a run's held-out loss has it."""


@dataclass(frozen=True)
class Forgetting:
    """What was gained on the texts that a run is about, and lost on others; what could not be measured says why."""

    new: DomainFigures | None
    old: DomainFigures | None
    why_not_new: str = ""
    why_not_old: str = ""
