"""The one place that knows what is open: model, prompt, selection, decoding settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from app.engine.decode.settings import DecodingSettings
from app.engine.errors import TooLongError
from app.engine.models.records import ModelSummary
from app.engine.trace.records import CodeRead
from app.jobs.board import Board
from app.session.evaluation import Evaluation
from app.session.evaluation_view import EvaluationView
from app.session.examples import Example, examples_for, is_example
from app.session.finetune_view import FinetuneView
from app.session.finetuning import Finetuning
from app.session.following import Following
from app.session.generation import Generation
from app.session.history import History, Moment
from app.session.inspection import Inspection
from app.session.kept_texts import texts_back, texts_to_keep
from app.session.library import Library
from app.session.models import OpenModels
from app.session.saved import Saved, with_recent
from app.session.state import (
    LENS_MAP,
    SLOTS,
    OpenRequest,
    Selection,
    attention_name,
    block_of,
    kind_of,
    part_of,
    shows_attention,
    stack_of,
)
from app.session.structure import Structure
from app.session.text_metrics import TextMetrics

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel


class Session(QObject):
    """Setters change one thing and emit one signal; readings follow from what is chosen."""

    model_changed = Signal()
    second_changed = Signal()
    opening_changed = Signal()
    prompt_changed = Signal()
    selection_changed = Signal()
    recent_changed = Signal()
    failed = Signal(str, object)
    """A page's key ("model", "inspect", "generate", "evaluate", "finetune", "session") and the exception."""

    def __init__(self, board: Board, settings: DecodingSettings) -> None:
        super().__init__()
        self.prompt = ""
        self.second = ""
        """The second sentence of a pair, or the target text, where the model takes one; '' for none."""
        self.selection = Selection()
        self.recent: tuple[str, ...] = ()
        self._wanted: Selection | None = None
        self._read_by = ""
        """Kind, family and answer of the model that the texts were last meant for."""
        self._too_long: int | None = None
        """How many tokens the model has positions for, while the texts are longer."""
        self.models = OpenModels(board)
        self.library = Library(board, self.models)
        self.structure = Structure(board, self.models)
        self.inspection = Inspection(board)
        self.generation = Generation(board, settings)
        self.evaluation = Evaluation(board, self.models)
        self.evaluation_view = EvaluationView(board, self.models, self.evaluation)
        self.text_metrics = TextMetrics(board, self.models)
        self.finetuning = Finetuning(board, self.models)
        self._following = Following(self.models, self.inspection)
        self.finetune_view = FinetuneView(board, self.models, self.finetuning)
        self._texts: Mapping[str, Any] = {}
        """Texts as they were saved last."""
        self._history = History(self._moment())
        self._removed_at: Moment | None = None
        """The moment at which texts were removed last."""
        self.generation.texts_removed.connect(self._texts_removed)
        self.models.changed.connect(self._model_changed)
        self.models.opening_changed.connect(self.opening_changed)
        self.models.failed.connect(self._open_failed)
        self.generation.settings_changed.connect(self._settings_changed)
        self.inspection.run_changed.connect(self._read_selected)
        self.inspection.failed.connect(self._inspect_failed)
        self.inspection.texts_cut.connect(self.set_prompt)
        self.generation.failed.connect(self._generate_failed)
        for part in (self.evaluation, self.evaluation_view, self.text_metrics):
            part.failed.connect(self._evaluate_failed)
        self.finetuning.failed.connect(self._finetune_failed)
        self.finetune_view.failed.connect(self._finetune_failed)
        self.models.weights_changed.connect(self._weights_changed)

    @property
    def summary(self) -> ModelSummary | None:
        """Model A's facts, None while there is none."""
        return self.models.summary("A")

    @property
    def training_step(self) -> int | None:
        """How many steps the training of model A has taken; None while it is not in training, and before the first."""
        trained = self.models.in_training is not None and self.models.loaded() is self.models.in_training
        return self.models.training_step if trained else None

    @property
    def opening(self) -> bool:
        """Whether a model is being opened."""
        return self.models.opening is not None

    def open_model(self, ref: str | Path, device: str = "auto", precision: str = "auto", slot: str = "A") -> None:
        """Open a model in the background; the one that is open stays until the new one stands, and if that fails."""
        self.models.open(OpenRequest(str(ref), device, precision, slot))

    @Slot(str)
    def _model_changed(self, slot: str) -> None:
        self._follow_models(slot == "A")
        request = self.models.request(slot)
        if request is not None:
            self.recent = with_recent(self.recent, request.ref)
            self.recent_changed.emit()
        if slot != "A":
            self.second_changed.emit()
            return
        self.inspection.clear()
        summary = self.summary
        if summary is not None:
            reads = f"{summary.kind} {summary.family} {summary.answer}"
            if self._read_by not in ("", reads) and self.second and not is_example(self.prompt, self.second):
                # A target is no second sentence, and what was meant for one head says little to another.
                self.second = ""
                self.prompt_changed.emit()
            self._read_by = reads
            self._take_example(summary)
            self.selection = self._first_selection(summary)
            self._history.replace_present(self._moment())
        self.model_changed.emit()
        self.selection_changed.emit()
        self.reinspect()

    def _follow_models(self, another_shown: bool) -> None:
        """Tell the texts which models are open, and what opens those again."""
        refs: dict[LoadedModel, str] = {}
        for slot in reversed(SLOTS):
            loaded, request = self.models.loaded(slot), self.models.request(slot)
            if loaded is not None and request is not None:
                refs[loaded] = request.ref
        self.generation.follow_models(refs, self.models.loaded() if another_shown else None)

    def _texts_now(self) -> Mapping[str, Any]:
        """The texts to save. While one is written, those saved before it: they are many and saving is frequent."""
        if not self.generation.running:
            self._texts = texts_to_keep(self.generation.kept())
        return self._texts

    def _take_example(self, summary: ModelSummary) -> None:
        """An example of another model makes way for one of this; what the person typed stays."""
        known = examples_for(summary)
        if not is_example(self.prompt, self.second) or self.prompt in [example.text for example in known]:
            return
        self.prompt, self.second = known[0].text, known[0].second
        self._wanted = None
        self.prompt_changed.emit()

    def open_example(self, label: str) -> None:
        """Inspect the example that a button named."""
        example = next((one for one in examples_for(self.summary) if one.label == label), None)
        summary = self.summary
        if example is None or summary is None:
            return
        if example.layer is not None and example.head is not None:
            name = attention_name(summary.kinds, example.kind or summary.kinds[-1], example.layer)
            self.select(name=name, head=example.head)
        self.set_prompt(example.text, example.second)
        if example.query is not None:
            self.select(query=example.query)

    def _first_selection(self, summary: ModelSummary) -> Selection:
        """The one that was saved where it fits this model, else a head in the middle.

        The middle of a model is where heads do recognisable things; the first block mostly looks everywhere.
        """
        wanted, self._wanted = self._wanted, None
        if wanted is not None and self._fits(wanted):
            return wanted
        shown = next((one for one in examples_for(summary) if one.text == self.prompt), Example(""))
        kind = shown.kind or summary.kinds[-1]
        layer = summary.layers // 2 if shown.layer is None else shown.layer
        name = attention_name(summary.kinds, kind, layer)
        return Selection(name, layer, shown.head or 0, shown.query, kind=kind)

    def _fits(self, selection: Selection) -> bool:
        """Whether the open model has what a selection names."""
        summary = self.summary
        if summary is None or selection.kind not in summary.kinds:
            return False
        layers, heads = summary.attention_shape(selection.kind)
        prefixed = bool(stack_of(selection.name)) == (len(summary.kinds) > 1)
        return selection.layer < layers and selection.head < heads and (prefixed or block_of(selection.name) is None)

    @Slot(object)
    def _open_failed(self, error: BaseException) -> None:
        self.failed.emit("model", error)

    # What was saved, and what was done before

    def saved(self) -> Saved:
        """Everything that the next start brings back."""
        models = {slot: request for slot in SLOTS if (request := self.models.request(slot)) is not None}
        opening = self.models.opening
        if opening is not None:
            models.setdefault(opening.slot, opening)
        return Saved(
            models,
            self.prompt,
            self.second,
            self.selection,
            self.generation.settings,
            self.recent,
            presets=dict(self.generation.presets),
            texts=self._texts_now(),
            finetune=self.finetuning.kept(),
        )

    def restore(self, saved: Saved) -> None:
        """Take back what was saved, but for the models, which the caller opens."""
        self.recent = saved.recent
        # Texts that cannot be understood are left out.
        with suppress(ValueError):
            self.generation.bring_back(texts_back(saved.texts))
        self._wanted = saved.selection
        self.generation.set_settings(saved.settings)
        self.generation.presets = {**self.generation.presets, **saved.presets}
        self.generation.presets_changed.emit()
        self.finetuning.restore(saved.finetune)
        self.prompt, self.second = saved.prompt, saved.second
        self._history = History(self._moment())
        self.prompt_changed.emit()
        self.recent_changed.emit()

    def undo(self) -> None:
        """Take the last change of prompt, selection or settings back, or bring back texts that were removed since."""
        if self.generation.removed is not None and self._removed_at is self._history.present:
            self.generation.take_back()
            return
        self._go_to(self._history.undo())

    def redo(self) -> None:
        """Make the change again that was taken back."""
        self._go_to(self._history.redo())

    def _go_to(self, moment: Moment | None) -> None:
        if moment is None:
            return
        chosen = moment.selection
        fits = self._fits(chosen)
        select = fits and chosen != self.selection
        run = (moment.prompt, moment.second) != (self.prompt, self.second)
        # Everything is in place before anybody is told, so that no listener notes a moment in between.
        self.selection = chosen if fits else self.selection
        self.prompt, self.second = moment.prompt, moment.second
        self.generation.set_settings(moment.settings)
        if select:
            self.selection_changed.emit()
        if run:
            self.prompt_changed.emit()
            self.reinspect()
        elif select:
            self._read_selected()

    def _moment(self) -> Moment:
        return Moment(self.prompt, self.selection, self.generation.settings, self.second)

    @Slot()
    def _texts_removed(self) -> None:
        self._removed_at = self._history.present
        self._history.separate()

    @Slot()
    def _settings_changed(self) -> None:
        self._history.note(self._moment(), "settings")

    # What the person chooses

    def set_prompt(self, text: str, second: str | None = None) -> None:
        """Take a new prompt and inspect it; `second` None leaves the second text as it is."""
        second = self.second if second is None else second
        if (text, second) == (self.prompt, self.second):
            return
        self.prompt, self.second = text, second
        if self.selection.query is not None or self.selection.key is not None:
            self.selection = replace(self.selection, query=None, key=None)
            self.selection_changed.emit()
        self._history.note(self._moment(), "prompt")
        self.prompt_changed.emit()
        self.reinspect()

    @Slot()
    def copy_code(self) -> None:
        """Ask for the Python that gives the tensor shown; the inspection's `code_read` answers."""
        if self.selection.weighting != "raw":
            why = "This is put together from several tensors; the lines would not be few. Copy the raw weights instead."
            self.inspection.code_read.emit(CodeRead(self.selection.name, "", why))
            return
        self.inspection.read_code(self.selection.name, self.prompt, self.second)

    def cut_prompt(self, room_after: Callable[[int], int] = lambda _limit: 0) -> None:
        """Shorten the texts to what the model has positions for, after it refused them as too long, and of these leave
        so many free as `room_after` says."""
        loaded, limit = self.models.loaded(), self._too_long
        if limit is not None and loaded is not None:
            self.inspection.cut(loaded, self.prompt, self.second, limit - room_after(limit))

    def reinspect(self) -> None:
        """Run the prompt once more."""
        self.inspection.run(self.models.loaded(), self.prompt, self.second)

    def generate(self, beside: bool = False, slot: str = "A", seed: int | None = None) -> None:
        """Continue the prompt with the settings as they are, by the model of a slot; `beside` keeps what stands, a
        `seed` is for this run alone. What another model than A writes is there to be compared."""
        loaded = self.models.loaded(slot)
        if loaded is not None:
            self.generation.start(loaded, self.prompt, beside, seed, compared=slot != "A")

    @Slot()
    def generate_plainly(self) -> None:
        """Continue the prompt by model A, beside what was written before."""
        self.generate(beside=True)

    def select(self, **changes: Any) -> None:
        """Change fields of the selection. A layer takes the shown tensor along, a tensor's block the layer and kind;
        another kind of attention shows its pattern."""
        before, summary = self.selection, self.summary
        if "kind" in changes and changes["kind"] != before.kind and "name" not in changes and summary is not None:
            layers, heads = summary.attention_shape(changes["kind"])
            layer = min(changes.get("layer", before.layer), layers - 1)
            changes["name"] = attention_name(summary.kinds, changes["kind"], layer)
            changes = {"head": min(before.head, heads - 1), "query": None, "key": None, **changes}
        if changes.get("kind") == "cross" and before.weighting == "rollout":
            changes = {**changes, "weighting": "raw"}
        if "layer" in changes and "name" not in changes and block_of(before.name) is not None:
            changes["name"] = f"{stack_of(before.name)}blocks.{changes['layer']}.{part_of(before.name)}"
        if "name" in changes:
            changes = {**changes, **self._place_of(changes["name"], changes)}
        selection = replace(before, **changes)
        if selection != self.selection:
            self.selection = selection
            self._history.note(self._moment(), "selection")
            self.selection_changed.emit()
            self._read_selected()

    def _place_of(self, name: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Layer and kind that choosing a tensor brings along; between texts the chosen tokens are let go."""
        found: dict[str, Any] = {}
        if (block := block_of(name)) is not None:
            found["layer"] = block
        before, kind = self.selection.kind, kind_of(name)
        stays = kind == before or (kind == "self" and before == "cross" and not shows_attention(name))
        if stack_of(name) and not stays:
            found |= {"kind": kind, "query": changes.get("query"), "key": changes.get("key")}
        return found

    @property
    def query(self) -> int | None:
        """The token that looks: the chosen one, else the last; None without tokens."""
        count = len(self.inspection.rows(self.selection.kind))
        if count == 0:
            return None
        chosen = self.selection.query
        return self._usual_query(count) if chosen is None else min(chosen, count - 1)

    def _usual_query(self, count: int) -> int:
        """The token that is looked at first: the last one, for an encoder the gap or the last that is a word."""
        summary, tokens = self.summary, self.inspection.tokens
        if summary is None or summary.kind != "encoder":
            return count - 1
        gap = next((place for place, token in enumerate(tokens) if token.text == summary.mask_token), None)
        words = [place for place, token in enumerate(tokens) if not token.special]
        return gap if gap is not None else words[-1] if words else count - 1

    @property
    def answer_at(self) -> int | None:
        """The token whose answer is shown: the chosen one, or the decoder's last while the encoder is looked at."""
        if self.selection.kind == "encoder" and self.inspection.targets:
            return len(self.inspection.targets) - 1
        return self.query

    @Slot()
    def _read_selected(self) -> None:
        if not self.inspection.ready:
            return
        selection = self.selection
        if shows_attention(selection.name):
            self.inspection.read_head(selection.layer, selection.head, selection.kind, selection.weighting)
        elif selection.name == LENS_MAP:
            self.inspection.read_lens_map()
        else:
            self.inspection.read_tensor(selection.name)
        if self.answer_at is not None:
            self.inspection.read_candidates(self.answer_at)

    @Slot(object)
    def _inspect_failed(self, error: BaseException) -> None:
        self._too_long = error.limit if isinstance(error, TooLongError) else None
        self.failed.emit("inspect", error)

    @Slot(object)
    def _generate_failed(self, error: BaseException) -> None:
        if isinstance(error, TooLongError):
            self._too_long = error.limit
        self.failed.emit("generate", error)

    @Slot(object)
    def _finetune_failed(self, error: BaseException) -> None:
        self.failed.emit("finetune", error)

    @Slot()
    def _weights_changed(self) -> None:
        """What is shown of the prompt was computed with other weights."""
        self._follow_models(False)
        self.reinspect()
        request = self.models.request("A")
        if request is not None:
            self.recent = with_recent(self.recent, request.ref)
            self.recent_changed.emit()

    @Slot(object)
    def _evaluate_failed(self, error: BaseException) -> None:
        self.failed.emit("evaluate", error)
