"""What is known of the current prompt under the current model: a trace and what has been read from it."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from app.engine.errors import WeightsGoneError
from app.engine.trace.records import (
    Candidate,
    HeadReading,
    LayerReading,
    LensMap,
    TensorInfo,
    TensorReading,
    Thumbnails,
    Token,
)
from app.jobs.board import Board
from app.jobs.job import Job
from app.session import work

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel
    from app.engine.trace.result import Trace

LANE = "model"
READINGS_BYTES = 256 << 20
"""How much of what was read is kept for coming back to it."""


class Inspection(QObject):
    """Runs the prompt and answers what views ask for. Readings of an older run are never delivered."""

    tokens_changed = Signal()
    """The prompt's tokens are known, before the model has run."""
    run_changed = Signal()
    """A trace stands: names and shapes are known. Also emitted when there is none any more."""
    thumbnails_changed = Signal(str, int)
    """The heads of one kind and layer were drawn."""
    head_read = Signal(object)
    layer_read = Signal(object)
    classes_read = Signal(object, object)
    """What a classification head says and what a next-sentence head says, ClassShares each."""
    tensor_read = Signal(object)
    weight_read = Signal(object)
    lens_read = Signal(int, object)
    """A position and its LensReading, or the sentence that says why there is none."""
    lens_map_read = Signal(object)
    """A LensMap, or the sentence that says why there is none."""
    attribution_read = Signal(int, object)
    """A position and its Attribution, or the sentence that says why there is none."""
    code_read = Signal(object)
    """A CodeRead."""
    not_read = Signal(str)
    """Why what was asked in the place of a head's weights cannot be shown."""
    candidates_read = Signal(int)
    tensors_saved = Signal(object)
    """A sentence: which file holds them."""
    texts_cut = Signal(str, str)
    """Texts shortened to what the model has positions for."""
    failed = Signal(object)
    """A UserError or a defect, with the run or the reading given up."""

    def __init__(self, board: Board) -> None:
        super().__init__()
        self._board = board
        self.tokens: tuple[Token, ...] = ()
        """Of the text; of a pair, both sentences with what stands between."""
        self.targets: tuple[Token, ...] = ()
        """What the decoder of an encoder-decoder is fed."""
        self.written = False
        """The model wrote the target itself."""
        self.infos: dict[str, TensorInfo] = {}
        self.thumbnails: dict[tuple[str, int], Thumbnails] = {}
        """By kind of attention and layer."""
        self.candidates: dict[int, tuple[Candidate, ...]] = {}
        self.head: HeadReading | None = None
        self._trace: Trace | None = None
        self._runs = 0
        """How often what was read became another run's: what is still under way then answers nothing."""
        self._loaded: LoadedModel | None = None
        self._kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._run: Job | None = None
        self._read = False
        """The tokens are those of the run under way or of the last one."""
        self._answered = {
            "code": self.code_read,
            "layer": self.layer_read,
            "lens map": self.lens_map_read,
            "weight": self.weight_read,
            "tensor": self.tensor_read,
        }
        """The signals that answer with what was read alone."""
        self._answered_at = {"lens": self.lens_read, "attribution": self.attribution_read}
        """Those that say the position, too."""
        self._again: tuple[LoadedModel, str, str, tuple[Any, ...]] | None = None
        """What was run last."""
        self._asked: dict[str, work.Asked] = {}
        """The reading of each sort that was asked last: what has to be read again with other weights."""
        self.took = 0.0
        """Seconds that reading everything again took the last time."""

    @property
    def training_step(self) -> int | None:
        """The step of a training whose weights made what is shown; None for a model that was not in training."""
        return self._trace.training_step if self._trace is not None else None

    @property
    def ready(self) -> bool:
        """Whether a trace stands that can be read from."""
        return self._trace is not None

    @property
    def why_no_lens(self) -> str:
        """Why this run has no logit lens, '' where nothing speaks against one yet, and without a run."""
        return work.why_no_lens(self._trace) if self._trace is not None else ""

    def rows(self, kind: str) -> tuple[Token, ...]:
        """The tokens that look in attention of a kind."""
        return self.targets if self.targets and kind != "encoder" else self.tokens

    def columns(self, kind: str) -> tuple[Token, ...]:
        """The tokens that are looked at."""
        return self.targets if self.targets and kind == "self" else self.tokens

    def run(self, loaded: LoadedModel | None, text: str, second: str = "", edits: tuple[Any, ...] = ()) -> None:
        """Trace `text`; a run under way is cancelled. No model or no text: nothing is shown.

        `second` is the second sentence of a pair or the target, where the model takes one.
        """
        if self._run is not None:
            self._run.cancel()
        self._loaded, self._read = loaded, False
        self._again, self._asked = None, {}
        if loaded is None or not text:
            self.clear()
            return
        self._again = (loaded, text, second, edits)
        self._run = self._board.start(
            LANE,
            "Inspect",
            lambda: work.within_memory(work.inspect(loaded, text, second, edits), "this text"),
            key="inspect",
        )
        self._run.stepped.connect(self._stepped)
        self._run.failed.connect(self._run_failed)

    def run_again(self) -> None:
        """Trace the same text with the weights as they are now, and read again what was asked of it. What is shown
        changes all at once, when everything is there."""
        if self._again is None:
            return
        again, asked = self._again, tuple(self._asked.values())
        if self._run is not None:
            self._run.cancel()
        self._run = self._board.start(
            LANE, "Inspect again", lambda: work.read_again(*again, asked), key="inspect", quiet=True
        )
        self._run.stepped.connect(self._stepped)
        self._run.finished.connect(self._read_again)
        self._run.failed.connect(self._run_failed)

    @Slot(object)
    def _read_again(self, _value: object) -> None:
        self.took = (self._run.took if self._run is not None else None) or self.took

    def clear(self) -> None:
        """Forget the run."""
        self.tokens, self.targets = (), ()
        self.tokens_changed.emit()
        self._take(None)

    def read_head(self, layer: int, head: int, kind: str = "self", weighting: str = "raw") -> None:
        """Ask for one head; `head_read` answers, at once when it was read before; `not_read` where it cannot be."""
        self._ask("head", (layer, head, kind, weighting), work.read_head)

    def read_attribution(self, position: int) -> None:
        """Ask who wrote the answer after token `position`; `attribution_read` answers."""
        self._ask("attribution", (position,), work.read_attribution)

    def read_layer(self, layer: int, kind: str = "self") -> None:
        """Ask for all heads of a layer; `layer_read` answers."""
        self._ask("layer", (layer, kind), work.read_layer)

    def read_classes(self) -> None:
        """Ask what the heads say about the whole text; `classes_read` answers."""
        self._ask("classes", (), work.read_classes)

    def read_weight(self, layer: int, head: int, query: int, key: int, kind: str = "self") -> None:
        """Ask how one weight came about; `weight_read` answers, with a sentence where it cannot be told."""
        self._ask("weight", (layer, head, query, key, kind), work.read_weight)

    def read_lens(self, position: int) -> None:
        """Ask what every block would say after token `position`; `lens_read` answers."""
        self._ask("lens", (position,), work.read_lens)

    def read_lens_map(self) -> None:
        """Ask what every block would say after every token; `lens_map_read` answers."""
        self._ask("lens map", (), work.read_lens_map)

    def read_tensor(self, name: str) -> None:
        """Ask for a tensor; `tensor_read` answers."""
        self._ask("tensor", (name,), work.read_tensor)

    def read_candidates(self, position: int) -> None:
        """Ask what may follow token `position`; `candidates_read` answers."""
        if position in self.candidates:
            self.candidates_read.emit(position)
            return
        self._ask("candidates", (position,), work.read_candidates)

    def read_code(self, name: str, text: str, second: str) -> None:
        """Ask for Python that gives a tensor; `code_read` answers."""
        self._ask("code", (name, text, second), work.read_code)

    def save_tensors(self, names: tuple[str, ...], path: Path) -> None:
        """Write tensors of this run into one file; `tensors_saved` says so, `failed` why not."""
        trace = self._trace
        if trace is None:
            return
        job = self._board.start(LANE, "Save tensors", lambda: work.save_tensors(trace, names, path), key="save tensors")
        job.finished.connect(self.tensors_saved)
        job.failed.connect(self.failed)

    def cut(self, loaded: LoadedModel, text: str, second: str, limit: int) -> None:
        """Shorten texts to `limit` tokens; `texts_cut` answers."""
        job = self._board.start(LANE, "Cut text", lambda: work.cut_texts(loaded, text, second, limit), key="cut")
        job.finished.connect(self._cut)
        job.failed.connect(self.failed)

    @Slot(object)
    def _cut(self, texts: tuple[str, str]) -> None:
        self.texts_cut.emit(*texts)

    def _ask(self, what: str, arguments: tuple[Any, ...], reader: Any) -> None:
        if self._trace is None or self._loaded is None:
            return
        key = (what, *arguments)
        if what != "code":
            self._asked[what] = work.Asked(key, reader, arguments)
        if key in self._kept:
            self._kept.move_to_end(key)
            self._answer(key, self._kept[key])
            return
        trace, tokenizer = self._trace, self._loaded.tokenizer
        job = self._board.start(
            LANE,
            f"Read {what}",
            lambda: work.within_memory(reader(trace, tokenizer, *arguments), what),
            key=f"read {what}",
            quiet=True,
        )
        # The number of the run and not the trace itself: jobs that ended are kept a while, and a trace is large.
        run = self._runs
        job.finished.connect(lambda value: self._receive(run, key, value))
        job.failed.connect(lambda error: self._not_received(run, error))

    def _receive(self, run: int, key: tuple[Any, ...], value: Any) -> None:
        """A reading arrived; one of a run that no longer stands is dropped."""
        if run != self._runs:
            return
        self._kept[key] = value
        self._shrink()
        self._answer(key, value)

    def _not_received(self, run: int, error: BaseException) -> None:
        """A reading failed. One whose run was made with weights that have gone is made with those that there are."""
        if not isinstance(error, WeightsGoneError):
            self.failed.emit(error)
        elif run == self._runs:
            self.run_again()

    def _answer(self, key: tuple[Any, ...], value: Any) -> None:
        if key[0] == "head":
            if isinstance(value, str):
                self.not_read.emit(value)
                return
            self.head = value
            self.head_read.emit(value)
        elif key[0] == "classes":
            self.classes_read.emit(*value)
        elif key[0] in self._answered_at:
            self._answered_at[key[0]].emit(key[1], value)
        elif key[0] in self._answered:
            self._answered[key[0]].emit(value)
        else:
            self.candidates[key[1]] = value
            self.candidates_read.emit(key[1])

    def _shrink(self) -> None:
        while len(self._kept) > 1 and sum(_size(value) for value in self._kept.values()) > READINGS_BYTES:
            self._kept.popitem(last=False)

    @Slot(object)
    def _stepped(self, value: Any) -> None:
        if isinstance(value, Thumbnails):
            self.thumbnails[value.kind, value.layer] = value
            self.thumbnails_changed.emit(value.kind, value.layer)
        elif isinstance(value, work.TextsRead):
            self._forget_readings()
            self._read = True
            self.tokens, self.targets, self.written = value.tokens, value.targets, value.written
            self.tokens_changed.emit()
        elif isinstance(value, work.ReadAgain):
            self._take_again(value)
        elif value is not None:
            self._take(value)

    def _take_again(self, found: work.ReadAgain) -> None:
        self._forget_readings()
        texts = found.texts
        if (texts.tokens, texts.targets) != (self.tokens, self.targets):
            self.tokens, self.targets, self.written = texts.tokens, texts.targets, texts.written
            self.tokens_changed.emit()
        self._trace, self.infos = found.trace, found.trace.infos()
        self.thumbnails = {(each.kind, each.layer): each for each in found.thumbnails}
        self._kept.update(found.answers)
        self.candidates = {key[1]: value for key, value in found.answers if key[0] == "candidates"}
        self.run_changed.emit()
        for each in found.thumbnails:
            self.thumbnails_changed.emit(each.kind, each.layer)

    def _take(self, trace: Trace | None) -> None:
        self._forget_readings()
        self._trace = trace
        self.infos = trace.infos() if trace is not None else {}
        self.run_changed.emit()

    def _forget_readings(self) -> None:
        """The tokens are another text's from here on: what was read of the old one must not answer for them."""
        self._trace = None
        self._runs += 1
        self.thumbnails, self.candidates, self.head = {}, {}, None
        self._kept.clear()

    @Slot(object)
    def _run_failed(self, error: BaseException) -> None:
        if isinstance(error, WeightsGoneError):
            self.run_again()
            return
        if self._read:
            self._take(None)
        else:
            # The tokenizer did not take the text: those of the text before must not stand for it.
            self.clear()
        self.failed.emit(error)


def _size(value: Any) -> int:
    if isinstance(value, TensorReading):
        return value.values.nbytes
    if isinstance(value, LensMap):
        return value.ids.nbytes * 3 + value.ids.size * 8
    if isinstance(value, LayerReading):
        return value.patterns.nbytes
    if isinstance(value, HeadReading):
        return value.pattern.nbytes + value.scores.nbytes + value.visible.nbytes
    return 1024
