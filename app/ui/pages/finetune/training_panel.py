"""A run while it goes on, or an old one: its figures, its curves, and how to hold or end it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QWidget

from app.engine.finetune.records import Report, RunEnd
from app.ui.icons import icon
from app.ui.pages.finetune.readout_row import ReadoutRow
from app.ui.pages.finetune.run_words import end_text
from app.ui.pages.finetune.training_log import TrainingLog
from app.ui.pages.finetune.training_words import LABELS, LOSS, PERPLEXITY, VIEWS, curves, in_short, legend, readouts
from app.ui.theme import Theme
from app.ui.widgets.chart_legend import ChartLegend
from app.ui.widgets.line_chart import LineChart
from app.ui.widgets.line_picture import Marks, Shade
from app.ui.widgets.panel import Panel
from app.ui.widgets.segmented import Segmented

_LOWEST, _LOWEST_CHART = 150, 92
_WORDY = 780
"""Pixels of width from which the button that throws a run away has words beside its icon."""
_FRAME_MS, _POINTS_A_MS = 33, 400
"""Between two pictures at least; longer with many points, so that painting never takes most of the time."""
_DISCARD = "Stop and discard"


class TrainingPanel(Panel):
    """Told of a run by `begin`, `add` and `end`, of an old one by `show_run`. What is asked for is the page's to do."""

    pause_wanted = Signal(bool)
    """True to pause, False to go on."""
    stop_wanted = Signal()
    """Stop after this step and keep what was learnt."""
    discard_wanted = Signal()
    """Stop and throw away what was learnt; nobody has been asked yet whether they mean it."""
    resume_wanted = Signal()
    """Go on with the stopped run that is shown."""
    step_chosen = Signal(int)
    """A place on the curve or a checkpoint was clicked."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Training")
        self.log = TrainingLog()
        self._running, self._paused, self._resumable, self._late = False, False, False, False
        self._words = ""
        self._took: float | None = None
        self.pause, self.stop = QPushButton("Go on"), QPushButton("Stop and keep")
        self.discard, self.resume = QPushButton(_DISCARD), QPushButton("Resume")
        self.figures, self.chart, self.legend = ReadoutRow(theme), LineChart(theme), ChartLegend(theme)
        self.views = Segmented(theme, VIEWS, "Which curve")
        self.log_axis = QCheckBox("log axis")
        self._controls = QWidget()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._set_up()
        self._lay_out()
        self._connect()
        self._restyle()
        self.set_state(False, False)
        self._show_all()

    # What is shown

    def begin(self, steps: int, words: str = "") -> None:
        """A run of so many steps begins; `words` say which, after the step in the header."""
        self._clear(words)
        self.log.steps = steps
        self.set_state(True, False)
        self._show_all()

    def clear(self) -> None:
        """No run is shown."""
        self._clear("")
        self.set_state(False, False)
        self._show_all()

    def add(self, reports: Sequence[Report]) -> None:
        """Show what is new. May be called with every step: pictures come as often as there is time for them."""
        self.log.add(reports)
        if self._timer.isActive():
            self._late = True
        else:
            self._show_all()
            self._timer.start(_FRAME_MS + self.log.count // _POINTS_A_MS)

    def end(self, end: RunEnd | None, words: str = "") -> None:
        """The run is over; without an end it failed or was thrown away, which `words` say."""
        self._words = words or (end_text(end) if end is not None else "")
        self._took = end.seconds if end is not None else None
        self._resumable = end is not None and end.reason == "stopped" and end.step < end.steps
        self.set_state(False, False)
        self._show_all()

    def show_run(self, reports: Sequence[Report], words: str = "", resumable: bool = False) -> None:
        """Show an old run from its beginning; `words` say which."""
        self._clear(words)
        self._resumable = resumable
        self.log.add(reports)
        self.set_state(False, False)
        self._show_all()

    def set_state(self, running: bool, paused: bool) -> None:
        """Whether the run that is shown is going on, and whether it holds."""
        self._running, self._paused = running, paused
        for button in (self.pause, self.stop, self.discard):
            button.setVisible(running)
        self.resume.setVisible(not running and self._resumable)
        self.pause.setText("Go on" if paused else "Pause")
        self.pause.setToolTip("Go on with the next step" if paused else "Hold after this step")
        self._restyle()
        self._fold_title()
        self._say_where()

    def mark_step(self, step: int | None) -> None:
        """Mark a step on the curve, or none."""
        self.chart.set_marked(None if step is None else float(step))

    # How it is laid out

    def _set_up(self) -> None:
        self.setMinimumHeight(_LOWEST)
        self.chart.setMinimumHeight(_LOWEST_CHART)
        self.stop.setToolTip("Stop after this step and keep what was learnt")
        self.discard.setToolTip("Stop and throw away what was learnt")
        self.discard.setAccessibleName(_DISCARD)
        self.resume.setToolTip("Go on with this run from its last checkpoint")
        self.log_axis.setToolTip("Values on a logarithmic axis")
        # As wide as its longer words, so that nothing moves under the pointer.
        self.pause.setMinimumWidth(self.pause.sizeHint().width())
        for button in (self.pause, self.stop, self.discard, self.resume):
            self.add_header_widget(button)

    def _lay_out(self) -> None:
        row = QHBoxLayout(self._controls)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.views)
        row.addWidget(self.log_axis)
        row.addStretch(1)
        row.addWidget(self.legend)
        self.body_layout.setContentsMargins(12, 8, 12, 6)
        self.body_layout.setSpacing(6)
        self.body_layout.addWidget(self.figures)
        self.body_layout.addWidget(self._controls)
        self.body_layout.addWidget(self.chart, 1)

    def _connect(self) -> None:
        self.pause.clicked.connect(self._pause_clicked)
        self.stop.clicked.connect(self.stop_wanted)
        self.discard.clicked.connect(self.discard_wanted)
        self.resume.clicked.connect(self.resume_wanted)
        self.views.changed.connect(self._view_chosen)
        self.log_axis.toggled.connect(self._draw)
        self.chart.place_chosen.connect(self._place_chosen)
        self._timer.timeout.connect(self._catch_up)
        self._theme.changed.connect(self._restyle)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.discard.setText(_DISCARD if self.width() >= _WORDY else "")
        # A low panel keeps the curve; the figures are worth more than the choice of another one.
        spare = self.height() - _LOWEST - self.figures.sizeHint().height()
        self.figures.setVisible(spare >= 0)
        self._controls.setVisible(spare >= self._controls.sizeHint().height() + 6)
        self._say_where()
        super().resizeEvent(event)

    # What it shows

    def _clear(self, words: str) -> None:
        self.log.clear()
        self._timer.stop()
        self._late, self._resumable = False, False
        self._words, self._took = words, None
        self.mark_step(None)

    @Slot()
    def _catch_up(self) -> None:
        if self._late:
            self._late = False
            self.add(())

    def _show_all(self) -> None:
        self.figures.show_readouts(readouts(self.log, not self._running and self.log.count > 0, self._took))
        self._say_where()
        self._draw()

    def _say_where(self) -> None:
        parts = [self._words]
        if self._running:
            where = f"step {self.log.last_step:,} of {self.log.steps:,}"
            parts.insert(0, f"paused at {where}" if self._paused else where)
        if self.figures.isHidden() and self.log.count:
            # Where the figures have no room their place is here, before what the run is.
            parts[-1:-1] = in_short(self.log)
        words = " · ".join(part for part in parts if part)
        self.set_subtitle(words)
        self._subtitle.setToolTip(words)

    @Slot()
    def _draw(self) -> None:
        view, log = self.views.index(), self.log
        shown, styles = curves(log, view)
        to_go = log.steps - log.last_step
        shade = None
        if self._running and to_go > 0:
            words = f"{to_go:,} step{'' if to_go == 1 else 's'} to go"
            shade = Shade(float(log.last_step), float(log.steps), words, quiet=True)
        self.chart.set_curves(
            shown,
            "steps",
            LABELS[view],
            shade=shade,
            log=self.log_axis.isChecked(),
            styles=styles,
            right=PERPLEXITY if view == LOSS else None,
            marks=Marks(tuple(float(each.step) for each in log.checkpoints), "checkpoint"),
        )
        self.legend.show_lines(legend(view))

    @Slot()
    def _restyle(self) -> None:
        buttons = {self.pause: "play" if self._paused else "pause", self.stop: "stop"}
        for button, name in {**buttons, self.discard: "trash", self.resume: "play"}.items():
            button.setIcon(icon(self._theme, name, "ink2", 14))
            button.setFont(self._theme.font(12.5))
        self.log_axis.setFont(self._theme.font(12))

    # What the person does

    @Slot()
    def _pause_clicked(self) -> None:
        self.pause_wanted.emit(not self._paused)

    @Slot(int)
    def _view_chosen(self, _index: int) -> None:
        self._draw()

    @Slot(float)
    def _place_chosen(self, place: float) -> None:
        self.step_chosen.emit(round(place))
