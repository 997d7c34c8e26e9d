"""What the session says, put on the Inspect page: tokens, the flow, heads, tensors, and nothing of an older run."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Slot

from app.engine.trace.records import HeadReading, LayerReading, TensorReading, WeightReading
from app.session.examples import examples_for
from app.session.models import step_words
from app.session.session import Session
from app.session.state import part_of, shows_attention, stack_of
from app.ui.pages.inspect import explanations
from app.ui.pages.inspect.answer_panel import LENS, WRITTEN
from app.ui.pages.inspect.attention_panel import LINES, ONE_WEIGHT, SCORES, WEIGHTS
from app.ui.pages.inspect.facts_of import head_facts, tensor_facts
from app.ui.pages.inspect.layout import InspectLayout
from app.ui.pages.inspect.other_views import LENS_VIEW, LINES_VIEW, ONE_WEIGHT_VIEW, WRITTEN_VIEW
from app.ui.pages.inspect.stages import flow_rows
from app.ui.theme import Theme

_INSTEAD = {LINES: LINES_VIEW, ONE_WEIGHT: ONE_WEIGHT_VIEW}
_ANSWERS = {LENS: LENS_VIEW, WRITTEN: WRITTEN_VIEW}


class InspectReadings(InspectLayout):
    """The panels kept true to the session. What the person does with them is the page's."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, session)
        self._mode = WEIGHTS
        self._tensor_shown: TensorReading | None = None
        self._instead = ""
        """What stands in place of the heatmap: `LINES`, `ONE_WEIGHT`, or '' for the heatmap itself."""
        self._looks_at_answer = False
        """The lower panel was turned last, so it is what is explained."""
        self._folded = False
        """The chosen block is folded in the flow; what it shows stays."""
        inspection = session.inspection
        session.model_changed.connect(self._model_changed)
        session.prompt_changed.connect(self._prompt_changed)
        session.selection_changed.connect(self._selection_changed)
        inspection.tokens_changed.connect(self._tokens_changed)
        inspection.run_changed.connect(self._run_changed)
        inspection.head_read.connect(self._head_read)
        inspection.tensor_read.connect(self._tensor_read)
        inspection.weight_read.connect(self._weight_read)
        inspection.layer_read.connect(self._layer_read)

    @Slot()
    def _model_changed(self) -> None:
        summary = self._session.summary
        self.empty.set_examples([example.label for example in examples_for(summary)])
        if summary is None:
            self.flow_panel.set_subtitle("")
            return
        self._say_blocks()
        self.attention.set_kinds(summary.kinds)
        self.show_stacks(two=bool(summary.encoder_layers))
        self.prompt.set_kind(summary.kind)

    def _say_blocks(self) -> None:
        summary = self._session.summary
        if summary is not None:
            encoder = f"{summary.encoder_layers} + " if summary.encoder_layers else ""
            step = self._session.inspection.training_step
            blocks = f"{encoder}{summary.layers} blocks"
            self.flow_panel.set_subtitle(blocks if step is None else step_words(step))

    def _with_step(self, words: str) -> str:
        """What is said of a reading, and of a model in training which of its weights it is of."""
        step = self._session.inspection.training_step
        return words if step is None else f"{words} · step {step:,}"

    @Slot()
    def _prompt_changed(self) -> None:
        session = self._session
        if (self.prompt.editor.toPlainText(), self.prompt.second_editor.toPlainText()) != (
            session.prompt,
            session.second,
        ):
            self.prompt.set_text(session.prompt, session.second)
        if self._session.prompt:
            self.prompt.edit(False)

    @Slot()
    def _tokens_changed(self) -> None:
        inspection = self._session.inspection
        tokens = inspection.tokens
        self._tensor_shown = None
        self.prompt.set_tokens(tokens, inspection.targets, inspection.written)
        self._mark_query()
        self.sheets.setCurrentIndex(1 if tokens else 0)
        if not tokens:
            self.explained.emit(explanations.INTRODUCTION)

    @Slot()
    def _run_changed(self) -> None:
        self._draw_flow()
        self._say_blocks()
        if self._session.inspection.ready:
            self.banner.clear(including_errors=True)
        else:
            self._clear_readings()

    def _clear_readings(self) -> None:
        """Nothing of an older run stays on screen."""
        self.attention.clear()
        self.next_token.clear()
        self.heads.clear()
        self.facts.set_rows([])
        if self._session.inspection.tokens:
            self.explained.emit(explanations.NOT_TRACED)

    @Slot()
    def _selection_changed(self) -> None:
        selection = self._session.selection
        if shows_attention(selection.name):
            self._show_scores(part_of(selection.name).endswith("scores"))
        self._draw_flow()
        self._mark_query()

    def _show_scores(self, scores: bool) -> None:
        self._mode = SCORES if scores else WEIGHTS
        head = self._session.inspection.head
        if head is not None and (head.layer, head.head, head.kind) == self._chosen_head():
            self._head_read(head)

    def _chosen_head(self) -> tuple[int, int, str]:
        selection = self._session.selection
        return selection.layer, selection.head, selection.kind

    @Slot(object)
    def _head_read(self, reading: HeadReading) -> None:
        inspection = self._session.inspection
        if (reading.layer, reading.head, reading.kind) != self._chosen_head() or not inspection.tokens:
            return
        rows, columns = inspection.rows(reading.kind), inspection.columns(reading.kind)
        self.attention.show_head(reading, rows, columns, self._mode, self._session.selection.name)
        self.attention.set_subtitle(self._with_step(self.attention.subtitle()))
        if self._instead:
            self.attention.set_mode(self._instead)
        if self._instead == LINES:
            inspection.read_layer(reading.layer, reading.kind)
        self._mark_query()
        self.show_for_head()
        if reading.weighting == "raw":
            self.banner.clear()
        self.facts_panel.set_title("This head")
        self.facts_panel.set_subtitle("on this text" if reading.weighting == "raw" else "its raw weights")
        self.facts.set_rows(head_facts(reading))
        self.explain()

    @Slot(object)
    def _layer_read(self, reading: LayerReading) -> None:
        layer, head, kind = self._chosen_head()
        if (reading.layer, reading.kind) == (layer, kind):
            self.attention.show_layer(reading, head)
            self._mark_query()

    @Slot(object)
    def _tensor_read(self, reading: TensorReading) -> None:
        summary, selection = self._session.summary, self._session.selection
        if reading.name != selection.name or summary is None:
            return
        self._tensor_shown = reading
        inspection = self._session.inspection
        keys = reading.name.endswith(("cross.k", "cross.v"))
        tokens = inspection.columns("cross") if keys else inspection.rows(selection.kind)
        heads = summary.attention_shape(selection.kind)[1]
        self.tensor.show_tensor(reading, tokens, min(selection.head, heads - 1), heads)
        self.tensor.set_subtitle(self._with_step(self.tensor.subtitle()))
        self._mark_row()
        self.show_for_tensor(per_head=reading.values.ndim == 3)
        self.histogram.set_values(reading.values)
        self.histogram_panel.set_subtitle(f"{reading.values.size:,} values")
        self.facts_panel.set_title("Statistics")
        self.facts_panel.set_subtitle("whole tensor")
        self.facts.set_rows(tensor_facts(reading))
        self.explain()

    def _draw_flow(self) -> None:
        summary, inspection, selection = self._session.summary, self._session.inspection, self._session.selection
        if summary is None:
            return
        unfolded = -1 if self._folded else selection.layer
        stack = stack_of(selection.name)
        counts = (len(inspection.tokens), len(inspection.targets))
        self.flow.set_rows(flow_rows(summary, inspection.infos, counts, (stack, unfolded)), selection.name)
        self.show_chosen_stage()
        self.flow_button.say(selection.name)

    def _mark_query(self) -> None:
        session = self._session
        query, selection, inspection = session.query, session.selection, session.inspection
        rows = inspection.rows(selection.kind)
        on_target = bool(inspection.targets) and selection.kind != "encoder"
        self.prompt.select(query, on_target)
        self._mark_row()
        causal = session.summary is not None and session.summary.kind == "decoder"
        self.prompt.strip.set_dim_after(causal and query is not None and query + 1 < len(rows))
        if query is None:
            return
        head = inspection.head
        if head is None or query >= len(head.pattern) or (head.layer, head.head, head.kind) != self._chosen_head():
            return
        best = int(head.pattern[query].argmax()) if selection.key is None else selection.key
        self.attention.select(query, best)
        self._underline(query)
        if self._instead == ONE_WEIGHT:
            inspection.read_weight(selection.layer, selection.head, query, best, selection.kind)

    @Slot(object)
    def _weight_read(self, reading: WeightReading | str) -> None:
        if isinstance(reading, str) or (
            (reading.layer, reading.head, reading.kind) == self._chosen_head() and reading.query == self._session.query
        ):
            self.attention.show_weight(reading)

    def _mark_row(self) -> None:
        """The chosen token's row in a tensor whose rows are tokens."""
        query, shown = self._session.query, self._tensor_shown
        if query is not None and shown is not None and shown.info.axes[-2:-1] == ("token",):
            self.tensor.view.set_selected(query, self.tensor.view.selected()[1])

    def _two_stacks(self) -> bool:
        return bool(self._session.inspection.targets)

    @Slot(int)
    def _underline(self, query: int) -> None:
        """Show the weights of a hovered row under the tokens looked at; −1 goes back to the chosen row."""
        head, kind = self._session.inspection.head, self._session.selection.kind
        row = self._session.query if query < 0 else query
        looked_at, other = self.prompt.strip, self.prompt.target_strip
        if self._two_stacks() and kind == "self":
            looked_at, other = other, looked_at
        if head is not None and head.kind == kind and row is not None and row < len(head.pattern):
            looked_at.set_weights(head.pattern[row])
            other.set_weights(None)

    def explain(self) -> None:
        self.explained.emit(self._explanation())

    def _explanation(self) -> Any:
        session = self._session
        summary, head, query = session.summary, session.inspection.head, session.query
        beside = _ANSWERS.get(self.next_token.answers.index()) if self._looks_at_answer else None
        beside = beside or _INSTEAD.get(self._instead)
        if beside is not None and session.inspection.tokens:
            return beside
        if summary is None or query is None:
            return explanations.INTRODUCTION
        if self.pictures.currentWidget() is self.tensor and self._tensor_shown is not None:
            return explanations.explain_tensor(summary, self._tensor_shown)
        if head is None or query >= len(head.pattern):
            return explanations.INTRODUCTION
        rows, columns = session.inspection.rows(head.kind), session.inspection.columns(head.kind)
        if len(rows) != len(head.pattern):
            return explanations.INTRODUCTION
        return explanations.explain_head(summary, head, rows, columns, query, self._mode)
