"""The Inspect page: a prompt, the flow of the model, one picture of it large, all heads, the next token."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QScrollArea, QSplitter, QStackedWidget, QWidget

from app.engine.trace.records import HeadReading, TensorReading
from app.session.session import Session
from app.session.state import part_of
from app.ui.page import Page, split
from app.ui.pages.inspect import explanations
from app.ui.pages.inspect.attention_panel import AttentionPanel
from app.ui.pages.inspect.facts_of import head_facts, tensor_facts
from app.ui.pages.inspect.flow_view import FlowView
from app.ui.pages.inspect.stages import flow_rows
from app.ui.pages.inspect.tensor_panel import TensorPanel
from app.ui.theme import Theme
from app.ui.widgets.empty_state import EmptyState
from app.ui.widgets.facts import Facts
from app.ui.widgets.head_grid import HeadGrid
from app.ui.widgets.histogram import Histogram
from app.ui.widgets.panel import Panel
from app.ui.widgets.probability_bars import ProbabilityBars
from app.ui.widgets.prompt_line import PromptLine
from app.ui.widgets.token_text import visible_token

EXAMPLES = (
    "When Tim and Sue went to the park, Tim gave a ball to",
    "Once upon a time there was a little rabbit who lived in",
    "The red fox saw the red bird. The red fox saw the red",
)
BARS, FEW_BARS = 6, 4
STATISTICS_HEIGHT = 240
LOW = 640
"""On a page lower than this the next-token panel shows fewer bars, so that the picture keeps its place."""
REDRAW_MS = 60
"""Thumbnails of many layers arrive quickly; the grid is drawn at most so often."""


class InspectPage(Page):
    """Everything follows the session's selection; the page keeps only which of weights and scores is shown."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, session)
        self.prompt = PromptLine(theme)
        self.prompt.submitted.connect(session.set_prompt)
        self.prompt.strip.clicked.connect(self._token_clicked)
        self.prompt.strip.hovered.connect(self._token_hovered)
        self.body.addWidget(self.prompt)
        self._pages = QStackedWidget()
        self.empty = EmptyState(theme, "Nothing typed yet", "Type a sentence above, or look at one of these:", EXAMPLES)
        self.empty.chosen.connect(session.set_prompt)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self._panels(theme))
        self.body.addWidget(self._pages, 1)
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(REDRAW_MS)
        self._redraw.timeout.connect(self._draw_grid)
        inspection = session.inspection
        session.model_changed.connect(self._model_changed)
        session.prompt_changed.connect(self._prompt_changed)
        session.selection_changed.connect(self._selection_changed)
        inspection.tokens_changed.connect(self._tokens_changed)
        inspection.run_changed.connect(self._run_changed)
        inspection.thumbnails_changed.connect(self._thumbnail_came)
        inspection.head_read.connect(self._head_read)
        inspection.tensor_read.connect(self._tensor_read)
        inspection.candidates_read.connect(self._candidates_read)

    def _panels(self, theme: Theme) -> QWidget:
        self.flow = FlowView(theme)
        self.flow.stage_chosen.connect(self._stage_chosen)
        self.flow.block_chosen.connect(self._block_chosen)
        self.flow.setProperty("role", "page")
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.flow)
        self.flow_panel = Panel(theme, "Flow")
        self.flow_panel.body_layout.setContentsMargins(0, 2, 0, 2)
        self.flow_panel.body_layout.addWidget(scroll)
        self.flow_panel.setMinimumWidth(236)
        self.attention = AttentionPanel(theme)
        self.attention.mode_chosen.connect(self._mode_chosen)
        self.attention.heatmap.clicked.connect(self._cell_clicked)
        self.attention.heatmap.hovered.connect(self._cell_hovered)
        self.tensor = TensorPanel(theme)
        self.tensor.name_chosen.connect(self._stage_chosen)
        self.pictures = QStackedWidget()
        self.pictures.addWidget(self.attention)
        self.pictures.addWidget(self.tensor)
        self._middle = split(
            "inspect middle", Qt.Orientation.Vertical, (self.pictures, 480), (self._next_token(theme), 216)
        )
        self._middle.setStretchFactor(1, 0)
        whole = split(
            "inspect whole",
            Qt.Orientation.Horizontal,
            (self.flow_panel, 248),
            (self._middle, 540),
            (self._beside(theme), 262),
        )
        whole.setStretchFactor(0, 0)
        whole.setStretchFactor(2, 0)
        return whole

    def _next_token(self, theme: Theme) -> QWidget:
        self.bars = ProbabilityBars(theme)
        self.next_token = Panel(theme, "Next token")
        self.next_token.body_layout.setContentsMargins(12, 6, 12, 6)
        self.next_token.body_layout.addWidget(self.bars)
        return self.next_token

    def _beside(self, theme: Theme) -> QWidget:
        """The column at the right: all heads, a tensor's distribution, and numbers about what is shown."""
        self.grid = HeadGrid(theme)
        self.grid.selected.connect(self._head_chosen)
        self.heads = Panel(theme, "All heads")
        self.heads.body_layout.setContentsMargins(6, 6, 6, 6)
        self.heads.body_layout.addWidget(self.grid)
        self.histogram = Histogram(theme)
        self.histogram_panel = Panel(theme, "Distribution")
        self.histogram_panel.body_layout.addWidget(self.histogram)
        self.histogram_panel.hide()
        self.facts = Facts(theme)
        self.facts.setProperty("role", "page")
        self.facts_panel = Panel(theme, "This head")
        self.facts_panel.body_layout.setContentsMargins(0, 0, 0, 0)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.facts)
        self.facts_panel.body_layout.addWidget(scroll)
        self._column = split(
            "inspect beside",
            Qt.Orientation.Vertical,
            (self.heads, 480),
            (self.histogram_panel, 300),
            (self.facts_panel, 216),
        )
        self._column.setStretchFactor(2, 0)
        self._column.setMinimumWidth(216)
        return self._column

    # What the session says

    @Slot()
    def _model_changed(self) -> None:
        summary = self._session.summary
        self.flow_panel.set_subtitle(f"{summary.layers} blocks" if summary else "")
        self.heads.set_subtitle(f"{summary.layers} × {summary.heads}" if summary else "")

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
        self._pages.setCurrentIndex(1 if tokens else 0)
        if not tokens:
            self.explained.emit(explanations.INTRODUCTION)

    @Slot()
    def _run_changed(self) -> None:
        self._draw_flow()
        if self._session.inspection.ready:
            self.banner.clear(including_errors=True)
        else:
            self.attention.heatmap.clear()
            self.bars.set_rows([])

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

    _mode = "weights"
    _low: bool | None = None

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
        self.attention.show_head(reading, inspection.tokens, self._mode)
        self._mark_query()
        self.pictures.setCurrentWidget(self.attention)
        self.heads.show()
        if self.histogram_panel.isVisible():
            self.histogram_panel.hide()
            self._fit_last(self._column, 140 if self._low else 200)
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
        self.pictures.setCurrentWidget(self.tensor)
        self.heads.setVisible(reading.values.ndim == 3)
        self.histogram.set_values(reading.values)
        self.histogram_panel.set_subtitle(f"{reading.values.size:,} values, log count")
        self.histogram_panel.show()
        if not self._low:
            self._fit_last(self._column, STATISTICS_HEIGHT)
        self.facts_panel.set_title("Statistics")
        self.facts_panel.set_subtitle("whole tensor")
        self.facts.set_rows(tensor_facts(reading))
        self.explain()

    _tensor_shown: TensorReading | None = None

    @Slot(int)
    def _candidates_read(self, position: int) -> None:
        if position != self._session.query:
            return
        found = self._session.inspection.candidates[position][: BARS if self.height() >= LOW else FEW_BARS]
        self.bars.set_rows([(candidate.text, candidate.probability, None) for candidate in found])
        token = self._session.inspection.tokens[position]
        self.next_token.set_subtitle(f"after {visible_token(token.text)} #{position}")

    def _draw_flow(self) -> None:
        summary, inspection, selection = self._session.summary, self._session.inspection, self._session.selection
        if summary is None:
            return
        rows = flow_rows(summary, inspection.infos, len(inspection.tokens), selection.layer)
        self.flow.set_rows(rows, selection.name, selection.layer)

    def _mark_query(self) -> None:
        query, key = self._session.query, self._session.selection.key
        self.prompt.strip.set_selected(query)
        self.prompt.strip.set_dim_after(query is not None and query + 1 < len(self._session.inspection.tokens))
        if query is None:
            return
        head = self._session.inspection.head
        if head is not None and query < len(head.pattern):
            self.attention.heatmap.set_selected(query, int(head.pattern[query].argmax()) if key is None else key)
            self.prompt.strip.set_weights(head.pattern[query])

    # What the person does

    @Slot(str)
    def _stage_chosen(self, name: str) -> None:
        self._session.select(name=name)

    @Slot(int)
    def _block_chosen(self, block: int) -> None:
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
        part = "attn.scores" if mode == "scores" else "attn.pattern"
        self._session.select(name=f"blocks.{self._session.selection.layer}.{part}")

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
    def _token_hovered(self, index: int) -> None:
        self._underline(index)

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

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        low = self.height() < LOW
        if low != self._low:
            self._low = low
            self._fit_last(self._middle, 140 if low else 200)
            self._fit_last(self._column, 140 if low else 200)
        query = self._session.query
        if query is not None and query in self._session.inspection.candidates:
            self._candidates_read(query)

    @staticmethod
    def _fit_last(splitter: QSplitter, height: int) -> None:
        """Give the lowest part of a splitter this height and the first part the rest."""
        sizes = splitter.sizes()
        splitter.widget(splitter.count() - 1).setMinimumHeight(min(height, 200))
        splitter.setSizes([sizes[0] + sizes[-1] - height, *sizes[1:-1], height])

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
