"""How the Inspect page is laid out: which panels there are, and how they share the room."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QPushButton, QScrollArea, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.session.examples import STORIES
from app.session.session import Session
from app.ui.page import Page, split
from app.ui.pages.inspect.answer_panel import AnswerPanel
from app.ui.pages.inspect.attention_panel import AttentionPanel
from app.ui.pages.inspect.flow_drop_down import FlowDropDown
from app.ui.pages.inspect.flow_view import WIDTH, WIDTH_OF_TWO, FlowView
from app.ui.pages.inspect.heads_panel import HeadsPanel
from app.ui.pages.inspect.lens_panel import LensPanel
from app.ui.pages.inspect.tensor_panel import TensorPanel
from app.ui.theme import Theme
from app.ui.widgets.empty_state import EmptyState
from app.ui.widgets.facts import Facts
from app.ui.widgets.histogram import Histogram
from app.ui.widgets.panel import Panel
from app.ui.widgets.prompt_line import PromptLine

EXAMPLES = tuple(example.label for example in STORIES)
NARROW = 1060
"""A page narrower than this (a window under 1,180 pixels) has its flow in a drop-down."""
LOW = 640
"""A page lower than this gives its lowest panels less, so that the picture keeps its place."""
BESIDE, BESIDE_TWO = 262, 220
"""Width of the column at the right, beside one column of the flow or two."""
LOWEST, LOWEST_WHEN_LOW, STATISTICS = 200, 152, 240
BARS, BARS_WHEN_LOW = 6, 4


class InspectLayout(Page):
    """The panels, without what they show: that is the page's."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, session)
        self._low: bool | None = None
        self._narrow = False
        self.prompt = PromptLine(theme)
        self.body.addWidget(self.prompt)
        self.empty = EmptyState(
            theme, "Nothing to see yet", "Type a sentence above, or look at one of these:", EXAMPLES
        )
        self.sheets = QStackedWidget()
        self.sheets.addWidget(self.empty)
        self.sheets.addWidget(self._panels(theme))
        self.body.addWidget(self.sheets, 1)

    def _panels(self, theme: Theme) -> QWidget:
        self.flow = FlowView(theme)
        self.flow.setProperty("role", "page")
        self._flow_scroll = QScrollArea()
        self._flow_scroll.setWidgetResizable(True)
        self._flow_scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._flow_scroll.setWidget(self.flow)
        self.flow_panel = Panel(theme, "Flow")
        self.any_tensor = QPushButton("Any…")
        self.any_tensor.setToolTip("Show any tensor: what a module took or gave, or a weight, by its name (Ctrl+K)")
        self.flow_panel.add_header_widget(self.any_tensor)
        self.flow_panel.body_layout.setContentsMargins(0, 2, 0, 2)
        self.flow_panel.body_layout.addWidget(self._flow_scroll)
        self.flow_button = FlowDropDown(theme)
        self.flow_button.hide()
        self.flow.stage_chosen.connect(self.flow_button.close_sheet)
        self.flow_panel.setMinimumWidth(WIDTH)
        self.attention = AttentionPanel(theme)
        self.tensor = TensorPanel(theme)
        self.next_token = AnswerPanel(theme, self._session)
        self.bars, self.lens, self.answers = self.next_token.bars, self.next_token.lens, self.next_token.answers
        self.next_token.set_bar_count(BARS)
        self.pictures = QStackedWidget()
        self.pictures.addWidget(self.attention)
        self.pictures.addWidget(self.tensor)
        self.lens_map = LensPanel(theme)
        self.pictures.addWidget(self.lens_map)
        self._show_picture(self.attention)
        above = QWidget()
        column = QVBoxLayout(above)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.pictures, 1)
        self._middle = split("inspect middle", Qt.Orientation.Vertical, (above, 480), (self.next_token, 216))
        self._middle.setStretchFactor(1, 0)
        self._whole = whole = split(
            "inspect whole",
            Qt.Orientation.Horizontal,
            (self.flow_panel, 248),
            (self._middle, 540),
            (self._beside(theme), BESIDE),
        )
        whole.setStretchFactor(0, 0)
        whole.setStretchFactor(2, 0)
        return whole

    def _beside(self, theme: Theme) -> QWidget:
        """The column at the right: all heads, a tensor's distribution, and numbers about what is shown."""
        self.heads = HeadsPanel(theme, self._session)
        self.grid, self.grid_twin = self.heads.grid, self.heads.twin
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

    def show_chosen_stage(self) -> None:
        """Scroll the flow to the row of what is shown."""
        row = self.flow.chosen_row()
        if row is not None:
            # The rows are laid out before the scroll area learns of their height.
            self.flow.resize(self.flow.width(), max(self.flow.sizeHint().height(), self.flow.height()))
            self._flow_scroll.ensureVisible(0, round(row.center().y()), 0, round(3 * row.height()))

    def show_stacks(self, two: bool) -> None:
        """Make room for one column of the flow, or for an encoder's and a decoder's."""
        wanted = WIDTH_OF_TWO if two else WIDTH
        if self.flow_panel.minimumWidth() == wanted:
            return
        self.flow_panel.setMinimumWidth(wanted)
        self.flow_button.wide = two
        flow, middle, beside = self._whole.sizes()
        if flow:
            share = BESIDE_TWO if two else BESIDE
            self._whole.setSizes([wanted, flow + middle + beside - wanted - share, share])

    def _show_picture(self, panel: Panel) -> None:
        """One of the two large panels, with the flow's drop-down in its header."""
        self.pictures.setCurrentWidget(panel)
        panel.add_lead(self.flow_button)

    def show_for_lens(self) -> None:
        """The logit lens at every position; beside it all heads, of which the chosen block's are marked."""
        self._show_beside(self.lens_map)

    def show_for_head(self) -> None:
        """The attention panel, all heads, and what the head does."""
        self._show_beside(self.attention)

    def _show_beside(self, panel: Panel) -> None:
        """A large panel with all heads at its side."""
        self._show_picture(panel)
        self.heads.show()
        if self.histogram_panel.isVisible():
            self.histogram_panel.hide()
            self._fit_last(self._column, self.facts_panel, self._lowest())

    def show_for_tensor(self, per_head: bool) -> None:
        """The tensor panel, its distribution and statistics; all heads only where it has some."""
        self._show_picture(self.tensor)
        self.heads.setVisible(per_head)
        self.histogram_panel.show()
        self._fit_last(self._column, self.facts_panel, self._lowest() if self._low else STATISTICS)
        heads, histogram, facts = self._column.sizes()
        if per_head and heads + histogram:
            # Two rows of heads at least, so that the chosen one is seen.
            share = round(0.56 * (heads + histogram))
            self._column.setSizes([share, heads + histogram - share, facts])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        low = self.height() < LOW
        if low != self._low:
            self._low = low
            self.prompt.set_low(low)
            self._fit_last(self._middle, self.next_token, self._lowest())
            self.next_token.set_bar_count(BARS_WHEN_LOW if low else BARS)
            self._fit_last(self._column, self.facts_panel, self._lowest())
        narrow = self.width() < NARROW
        if narrow != self._narrow:
            self._narrow = narrow
            self._place_flow()

    def _place_flow(self) -> None:
        """Beside the picture, or in a drop-down above it."""
        if self._narrow:
            self.flow_button.hold(self._flow_scroll, self.any_tensor)
        else:
            self.flow_button.close_sheet()
            self.flow_panel.body_layout.addWidget(self._flow_scroll)
            self.flow_panel.add_header_widget(self.any_tensor)
        self.flow_panel.setVisible(not self._narrow)
        self.flow_button.setVisible(self._narrow)

    def _lowest(self) -> int:
        return LOWEST_WHEN_LOW if self._low else LOWEST

    @staticmethod
    def _fit_last(splitter: QSplitter, last: QWidget, height: int) -> None:
        """Give `last`, the lowest part of a splitter, this height and the first part the rest."""
        sizes = splitter.sizes()
        last.setMinimumHeight(min(height, LOWEST))
        splitter.setSizes([sizes[0] + sizes[-1] - height, *sizes[1:-1], height])
