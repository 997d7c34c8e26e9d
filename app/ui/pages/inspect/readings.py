"""What the session says, put on the Inspect page: tokens, the flow, heads, tensors, and nothing of an older run."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Slot

from app.engine.models.records import ModelSummary
from app.engine.trace.records import HeadReading, LayerReading, LensMap, TensorReading, WeightReading
from app.session.examples import examples_for
from app.session.models import step_words
from app.session.session import Session
from app.session.state import LENS_MAP, part_of, shows_attention, stack_of
from app.ui.explanation import Explanation
from app.ui.pages.inspect import explanations
from app.ui.pages.inspect.answer_panel import FOLLOWS, LENS, WRITTEN
from app.ui.pages.inspect.attention_panel import LINES, ONE_WEIGHT, SCORES, WEIGHTS
from app.ui.pages.inspect.facts_of import (
    broken_words,
    head_facts,
    lens_facts,
    row_facts,
    tensor_facts,
    values_facts,
)
from app.ui.pages.inspect.layout import InspectLayout
from app.ui.pages.inspect.other_views import (
    FOLLOWS_VIEW,
    LENS_VIEW,
    LINES_VIEW,
    ONE_WEIGHT_VIEW,
    WRITTEN_VIEW,
    explain_lens_map,
    refused,
)
from app.ui.pages.inspect.stages import flow_rows
from app.ui.pages.inspect.tensor_explanations import explain_similarity, explain_tensor
from app.ui.theme import Theme

_INSTEAD = {LINES: LINES_VIEW, ONE_WEIGHT: ONE_WEIGHT_VIEW}
_ANSWERS = {LENS: LENS_VIEW, WRITTEN: WRITTEN_VIEW, FOLLOWS: FOLLOWS_VIEW}


def of_source(name: str) -> bool:
    """Whether the rows of a tensor are the tokens that cross-attention looks at."""
    return name.endswith(("cross.k", "cross.v"))


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
        session.structure.exactness_measured.connect(self._exactness_measured)
        session.prompt_changed.connect(self._prompt_changed)
        session.selection_changed.connect(self._selection_changed)
        inspection.tokens_changed.connect(self._tokens_changed)
        inspection.run_changed.connect(self._run_changed)
        inspection.failed.connect(self._text_refused)
        inspection.head_read.connect(self._head_read)
        inspection.tensor_read.connect(self._tensor_read)
        inspection.weight_read.connect(self._weight_read)
        inspection.layer_read.connect(self._layer_read)
        inspection.lens_map_read.connect(self._lens_map_read)
        inspection.lens_read.connect(self._answer_read)
        inspection.attribution_read.connect(self._answer_read)
        self.tensor.drawn.connect(self._tensor_drawn)

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
    def _exactness_measured(self) -> None:
        """How exact the view is, said where a tensor stands in the place of the heads."""
        summary = self._session.summary
        self.tensor.exact.show_exactness(self._session.structure.exactness, summary.precision if summary else "fp32")

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

    @Slot()
    def _text_refused(self) -> None:
        """The tokenizer did not take the text: it stands in its editor, to be changed."""
        if self._session.prompt and not self._session.inspection.tokens:
            self.prompt.edit(True)
            self.explained.emit(explanations.NOT_TRACED)

    def _clear_readings(self) -> None:
        """Nothing of an older run stays on screen."""
        self.attention.clear()
        self.tensor.clear()
        self.histogram.set_values(self.tensor.values)
        self.lens_map.show_lens(None)
        self.next_token.clear()
        self.heads.clear()
        self.facts.set_rows([])
        for panel in (self.histogram_panel, self.facts_panel):
            panel.set_subtitle("")
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
        if words := broken_words(reading):
            self.banner.show_message("warn", words)
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
    def _lens_map_read(self, found: LensMap | str) -> None:
        if self._session.selection.name != LENS_MAP:
            return
        rows = self._session.inspection.rows("self")
        if self.lens_map.lens is not found or not isinstance(found, LensMap):
            self.lens_map.show_lens(found, rows)
        self.show_for_lens()
        self.facts.set_rows([])
        self._mark_cell_of_lens()
        self.facts_panel.set_title("This cell")
        self.facts_panel.set_subtitle("of the raw lens" if self.lens_map.lens is not None else "there is no lens")
        self.explain()

    def _mark_cell_of_lens(self) -> None:
        """The chosen block and token in the lens, and what it says there."""
        lens, position = self.lens_map.lens, self._session.answer_at
        if lens is None or position is None or self.pictures.currentWidget() is not self.lens_map:
            return
        layer = min(self._session.selection.layer, len(lens.ids) - 1)
        self.lens_map.view.mark(layer, position)
        self.facts.set_rows(lens_facts(lens, layer, position))

    @Slot(int, object)
    def _answer_read(self, _position: int, _found: object) -> None:
        """What is said of the lower panel depends on whether it has something to show."""
        if self._looks_at_answer:
            self.explain()

    @Slot(object)
    def _tensor_read(self, reading: TensorReading) -> None:
        summary, selection = self._session.summary, self._session.selection
        if reading.name != selection.name or summary is None:
            return
        self._tensor_shown = reading
        inspection = self._session.inspection
        tokens = inspection.columns("cross") if of_source(reading.name) else inspection.rows(selection.kind)
        heads = summary.attention_shape(selection.kind)[1]
        keys = inspection.columns(selection.kind)
        labels = summary.labels if reading.name == "logits" else ()
        self.tensor.show_tensor(reading, tokens, keys, min(selection.head, heads - 1), heads, labels)
        self.tensor.set_subtitle(self._with_step(self.tensor.subtitle()))
        self._mark_row()
        self.show_for_tensor(per_head=reading.info.axes[:1] == ("head",) and reading.values.ndim == 3)
        self._row_chosen()
        self.facts_panel.set_title("Statistics")
        self.explain()

    @Slot()
    def _tensor_drawn(self) -> None:
        """Distribution and statistics of what the tensor's picture shows now."""
        values = self.tensor.values
        self.histogram.set_values(values)
        self.histogram_panel.set_subtitle(f"{values.size:,} {'cosines' if self.tensor.compares else 'values'}")
        self.facts_panel.set_subtitle("of the cosines" if self.tensor.compares else "whole tensor")
        self._mark_row()
        if self.pictures.currentWidget() is self.tensor:
            self.explain()

    def _row_chosen(self) -> None:
        """The numbers of the chosen row below those of the whole, and the chosen cell in the distribution."""
        shown = self._tensor_shown
        if shown is None or self.pictures.currentWidget() is not self.tensor:
            return
        whole = values_facts(self.tensor.values) if self.tensor.compares else tensor_facts(shown)
        self.facts.set_rows(whole + row_facts(*self.tensor.chosen_row()))
        self.histogram.set_marker(self.tensor.chosen_value())

    def _draw_flow(self) -> None:
        summary, inspection, selection = self._session.summary, self._session.inspection, self._session.selection
        if summary is None:
            return
        unfolded = -1 if self._folded else selection.layer
        stack = stack_of(selection.name)
        counts = (len(inspection.tokens), len(inspection.targets))
        rows = flow_rows(summary, inspection.infos, counts, (stack, unfolded), inspection.why_no_lens)
        self.flow.set_rows(rows, selection.name)
        self.show_chosen_stage()
        self.flow_button.say(selection.name)

    def _mark_query(self) -> None:
        session = self._session
        query, selection, inspection = session.query, session.selection, session.inspection
        rows = inspection.rows(selection.kind)
        on_target = bool(inspection.targets) and selection.kind != "encoder"
        self.prompt.select(query, on_target)
        self._mark_row()
        self._mark_cell_of_lens()
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
        if query is None or shown is None:
            return
        # Keys and values of cross-attention are the source's: the chosen token of the target is none of theirs.
        token = self._session.selection.key if of_source(shown.name) else query
        if token is not None:
            self.tensor.mark_token(token)
        self._row_chosen()

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

    def _answer_explained(self) -> Explanation | None:
        """The lower panel's view in words; where the model has none, why."""
        view = self.next_token.answers.index()
        known = _ANSWERS.get(view)
        why = self.next_token.why(view)
        return refused(known.title, why) if known is not None and why else known

    def explain(self) -> None:
        self.explained.emit(self._explanation())

    def _explanation(self) -> Any:
        session, shown = self._session, self.pictures.currentWidget()
        if not session.inspection.tokens or session.summary is None or session.query is None:
            return explanations.INTRODUCTION
        if self._looks_at_answer and (answer := self._answer_explained()) is not None:
            return answer
        if shown is self.lens_map:
            rows = session.inspection.rows("self")
            return explain_lens_map(self.lens_map.lens, self.lens_map.why, rows, *self.lens_map.view.selected())
        if shown is self.tensor and self._tensor_shown is not None:
            if self.tensor.compares:
                return explain_similarity(self._tensor_shown.name)
            return explain_tensor(session.summary, self._tensor_shown)
        return _INSTEAD.get(self._instead) or self._head_explained(session.summary, session.query)

    def _head_explained(self, summary: ModelSummary, query: int) -> Explanation:
        inspection = self._session.inspection
        head = inspection.head
        if head is None or query >= len(head.pattern) or len(inspection.rows(head.kind)) != len(head.pattern):
            return explanations.INTRODUCTION
        rows, columns = inspection.rows(head.kind), inspection.columns(head.kind)
        return explanations.explain_head(summary, head, rows, columns, query, self._mode)
