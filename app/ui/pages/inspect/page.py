"""The Inspect page: a prompt, the flow of the model, one picture of it large, all heads, the next token."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QTimer, Slot

from app.engine.trace.records import HeadReading, TensorReading, WeightReading
from app.session.session import Session
from app.session.state import part_of
from app.ui.pages.inspect import explanations
from app.ui.pages.inspect.attention_panel import MODES
from app.ui.pages.inspect.facts_of import head_facts, tensor_facts
from app.ui.pages.inspect.layout import InspectLayout
from app.ui.pages.inspect.stages import flow_rows
from app.ui.theme import Theme

REDRAW_MS = 60
"""Thumbnails of many layers arrive quickly; the grid is drawn at most so often."""


class InspectPage(InspectLayout):
    """Everything follows the session's selection; the page keeps only which of weights and scores is shown."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, session)
        self._mode = "weights"
        self._tensor_shown: TensorReading | None = None
        self._one_weight = False
        """The arithmetic of the chosen weight stands in place of the heatmap."""
        self._folded = False
        """The chosen block is folded in the flow; what it shows stays."""
        self.prompt.submitted.connect(session.set_prompt)
        self.prompt.strip.clicked.connect(self._token_clicked)
        self.prompt.strip.hovered.connect(self._underline)
        self.empty.chosen.connect(session.set_prompt)
        self.flow.stage_chosen.connect(self._stage_chosen)
        self.flow.block_chosen.connect(self._block_chosen)
        self.flow.end_chosen.connect(self._end_chosen)
        self.attention.mode_chosen.connect(self._mode_chosen)
        self.attention.heatmap.clicked.connect(self._cell_clicked)
        self.attention.heatmap.hovered.connect(self._cell_hovered)
        self.attention.steps.key_chosen.connect(self._key_chosen)
        self.tensor.name_chosen.connect(self._stage_chosen)
        self.grid.chosen.connect(self._head_chosen)
        self.bars.clicked.connect(self._bar_clicked)
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(REDRAW_MS)
        self._redraw.timeout.connect(self._draw_grid)
        session.structure.exactness_measured.connect(self._exactness_measured)
        inspection = session.inspection
        session.model_changed.connect(self._model_changed)
        session.prompt_changed.connect(self._prompt_changed)
        session.selection_changed.connect(self._selection_changed)
        inspection.tokens_changed.connect(self._tokens_changed)
        inspection.run_changed.connect(self._run_changed)
        inspection.thumbnails_changed.connect(self._thumbnail_came)
        inspection.head_read.connect(self._head_read)
        inspection.tensor_read.connect(self._tensor_read)
        inspection.weight_read.connect(self._weight_read)

    # What the session says

    @Slot()
    def _model_changed(self) -> None:
        summary = self._session.summary
        self.flow_panel.set_subtitle(f"{summary.layers} blocks" if summary else "")
        self.heads.set_subtitle(f"{summary.layers} × {summary.heads}" if summary else "")

    @Slot()
    def _exactness_measured(self) -> None:
        self.exact.show_exactness(self._session.structure.exactness)

    @Slot()
    def _prompt_changed(self) -> None:
        if self.prompt.editor.toPlainText() != self._session.prompt:
            self.prompt.set_text(self._session.prompt)
        if self._session.prompt:
            self.prompt.edit(False)

    @Slot()
    def _tokens_changed(self) -> None:
        tokens = self._session.inspection.tokens
        self._tensor_shown = None
        self.prompt.set_tokens(tokens)
        self._mark_query()
        self.sheets.setCurrentIndex(1 if tokens else 0)
        if not tokens:
            self.explained.emit(explanations.INTRODUCTION)

    @Slot()
    def _run_changed(self) -> None:
        self._draw_flow()
        if self._session.inspection.ready:
            self.banner.clear(including_errors=True)
        else:
            self._clear_readings()

    def _clear_readings(self) -> None:
        """Nothing of an older run stays on screen."""
        self.attention.show_weight(None, ())
        self.attention.heatmap.clear()
        self.attention.set_subtitle("")
        self.next_token.clear()
        self.grid.set_patterns(np.zeros((0, 0, 1, 1), dtype=np.float32), causal=True)
        self.facts.set_rows([])
        if self._session.inspection.tokens:
            self.explained.emit(explanations.NOT_TRACED)

    @Slot()
    def _selection_changed(self) -> None:
        selection = self._session.selection
        if part_of(selection.name) == "attn.scores":
            self._show_scores(True)
        elif part_of(selection.name) == "attn.pattern":
            self._show_scores(False)
        self._draw_flow()
        self.grid.set_selected(selection.layer, selection.head)
        self._mark_query()

    def _show_scores(self, scores: bool) -> None:
        self._mode = "scores" if scores else "weights"
        head = self._session.inspection.head
        if head is not None and (head.layer, head.head) == self._chosen_head():
            self._head_read(head)

    def _chosen_head(self) -> tuple[int, int]:
        return self._session.selection.layer, self._session.selection.head

    @Slot(int)
    def _thumbnail_came(self, _layer: int) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

    @Slot()
    def _draw_grid(self) -> None:
        thumbnails, summary = self._session.inspection.thumbnails, self._session.summary
        known = [thumbnail for thumbnail in thumbnails.values() if thumbnail.patterns is not None]
        if not known or summary is None:
            return
        first = known[0].patterns
        assert first is not None
        patterns = np.full((summary.layers, *first.shape), np.nan, dtype=np.float32)
        for thumbnail in known:
            patterns[thumbnail.layer] = thumbnail.patterns
        self.grid.set_patterns(patterns, causal=True)
        self.grid.set_selected(*self._chosen_head())

    @Slot(object)
    def _head_read(self, reading: HeadReading) -> None:
        inspection = self._session.inspection
        if (reading.layer, reading.head) != self._chosen_head() or not inspection.tokens:
            return
        self.attention.show_head(reading, inspection.tokens, MODES[2] if self._one_weight else self._mode)
        self._mark_query()
        self.show_for_head()
        self.facts_panel.set_title("This head")
        self.facts_panel.set_subtitle("on this text")
        self.facts.set_rows(head_facts(reading))
        self.explain()

    @Slot(object)
    def _tensor_read(self, reading: TensorReading) -> None:
        summary, selection = self._session.summary, self._session.selection
        if reading.name != selection.name or summary is None:
            return
        self._tensor_shown = reading
        self.tensor.show_tensor(reading, self._session.inspection.tokens, selection.head, summary.heads)
        self._mark_row()
        self.show_for_tensor(per_head=reading.values.ndim == 3)
        self.histogram.set_values(reading.values)
        self.histogram_panel.set_subtitle(f"{reading.values.size:,} values, log scale")
        self.facts_panel.set_title("Statistics")
        self.facts_panel.set_subtitle("whole tensor")
        self.facts.set_rows(tensor_facts(reading))
        self.explain()

    def _draw_flow(self) -> None:
        summary, inspection, selection = self._session.summary, self._session.inspection, self._session.selection
        if summary is None:
            return
        unfolded = -1 if self._folded else selection.layer
        rows = flow_rows(summary, inspection.infos, len(inspection.tokens), unfolded)
        self.flow.set_rows(rows, selection.name, unfolded)
        self.flow_button.say(selection.name)

    def _mark_query(self) -> None:
        query, key = self._session.query, self._session.selection.key
        self.prompt.select(query)
        self._mark_row()
        self.prompt.strip.set_dim_after(query is not None and query + 1 < len(self._session.inspection.tokens))
        if query is None:
            return
        head = self._session.inspection.head
        if head is not None and query < len(head.pattern):
            self.attention.heatmap.set_selected(query, int(head.pattern[query].argmax()) if key is None else key)
            self.prompt.strip.set_weights(head.pattern[query])
            if self._one_weight:
                chosen = self._session.selection
                best = int(head.pattern[query].argmax()) if key is None else key
                self._session.inspection.read_weight(chosen.layer, chosen.head, query, best)

    @Slot(object)
    def _weight_read(self, reading: WeightReading) -> None:
        if (reading.layer, reading.head) == self._chosen_head() and reading.query == self._session.query:
            self.attention.show_weight(reading, self._session.inspection.tokens)

    def _mark_row(self) -> None:
        """The chosen token's row in a tensor whose rows are tokens."""
        query, shown = self._session.query, self._tensor_shown
        if query is not None and shown is not None and shown.values.ndim > 1:
            self.tensor.view.set_selected(query, self.tensor.view.selected()[1])

    # What the person does

    @Slot(str)
    def _stage_chosen(self, name: str) -> None:
        self._folded = False
        self._session.select(name=name)

    @Slot(bool)
    def _end_chosen(self, first: bool) -> None:
        """Explain the tokens or the next token; both are on screen already."""
        self.flow_button.close_sheet()
        summary = self._session.summary
        if not first:
            self._bar_clicked(0)
        elif summary is not None:
            self.explained.emit(explanations.explain_tokens(summary, self._session.inspection.tokens))

    @Slot(int)
    def _block_chosen(self, block: int) -> None:
        if block == self._session.selection.layer:
            self._folded = not self._folded
            self._draw_flow()
            return
        self._folded = False
        part = part_of(self._session.selection.name)
        inside = self._session.selection.name.startswith("blocks.")
        self._session.select(name=f"blocks.{block}.{part if inside else 'attn.pattern'}")

    @Slot(int, int)
    def _head_chosen(self, layer: int, head: int) -> None:
        self._session.select(layer=layer, head=head)
        if self._tensor_shown is not None and self._session.selection.name == self._tensor_shown.name:
            self._tensor_read(self._tensor_shown)

    @Slot(str)
    def _mode_chosen(self, mode: str) -> None:
        self._one_weight = mode == MODES[2]
        if self._one_weight:
            self._show_scores(False)
            return
        part = "attn.scores" if mode == "scores" else "attn.pattern"
        self._session.select(name=f"blocks.{self._session.selection.layer}.{part}")
        self._show_scores(mode == "scores")

    @Slot(int)
    def _bar_clicked(self, _row: int) -> None:
        """Explain the next token while its bars are looked at."""
        session = self._session
        found = session.inspection.candidates.get(session.query) if session.query is not None else None
        if session.summary is not None and session.query is not None and found:
            tokens = session.inspection.tokens
            self.explained.emit(explanations.explain_candidates(session.summary, tokens, session.query, found))

    @Slot(int)
    def _key_chosen(self, key: int) -> None:
        self._session.select(query=self._session.query, key=key)

    @Slot(int, int)
    def _cell_clicked(self, query: int, key: int) -> None:
        self._session.select(query=query, key=key)
        self.explain()

    @Slot(int, int)
    def _cell_hovered(self, query: int, _key: int) -> None:
        self._underline(query)

    @Slot(int)
    def _token_clicked(self, index: int) -> None:
        self._session.select(query=index, key=None)
        self.explain()

    @Slot(int)
    def _underline(self, query: int) -> None:
        """Show the weights of a hovered row under the prompt's tokens; −1 goes back to the chosen row."""
        head = self._session.inspection.head
        row = self._session.query if query < 0 else query
        if head is not None and row is not None and row < len(head.pattern):
            self.prompt.strip.set_weights(head.pattern[row])

    def step_head(self, step: int) -> None:
        """Another head of the same block, round and round."""
        summary = self._session.summary
        if summary is not None:
            self._head_chosen(self._session.selection.layer, (self._session.selection.head + step) % summary.heads)

    def step_layer(self, step: int) -> None:
        """The block above or below, as far as there is one."""
        summary = self._session.summary
        if summary is not None:
            layer = min(max(self._session.selection.layer + step, 0), summary.layers - 1)
            self._head_chosen(layer, self._session.selection.head)

    # What the window asks

    def run(self) -> None:
        if self.prompt.editing:
            self.prompt.submit()
        else:
            self._session.reinspect()

    def stop(self) -> None:
        if self.prompt.editing and self._session.prompt:
            self.prompt.set_text(self._session.prompt)
        elif self._session.selection.query is not None or self._session.selection.key is not None:
            self._session.select(query=None, key=None)

    def take_focus(self) -> None:
        if self.prompt.editing:
            self.prompt.editor.setFocus()
        else:
            self.attention.heatmap.setFocus()

    def explain(self) -> None:
        self.explained.emit(self._explanation())

    def _explanation(self) -> Any:
        session = self._session
        summary, head, query = session.summary, session.inspection.head, session.query
        if summary is None or query is None:
            return explanations.INTRODUCTION
        if self.pictures.currentWidget() is self.tensor and self._tensor_shown is not None:
            return explanations.explain_tensor(summary, self._tensor_shown)
        if head is None or query >= len(head.pattern):
            return explanations.INTRODUCTION
        return explanations.explain_head(summary, head, session.inspection.tokens, query, self._mode)
