"""What a run takes, told before it starts: how much is trained, how much memory, how long."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.engine.finetune.records import Costs
from app.ui.theme import Theme
from app.ui.widgets.badge import BADGE_HEIGHT, Badge
from app.ui.widgets.flow_row import FlowRow
from app.ui.widgets.labels import make_label
from app.ui.widgets.memory_bar import bytes_text
from app.ui.widgets.parts_bar import PartKey, PartsBar

_TONES = {"fits": "ok", "tight": "warn", "too big": "error"}
_TIGHT = 0.8
"""Share of the free memory from which it is called tight."""
_COLOURS = {"weights": "res", "activations": "line2"}
_OTHERS = ("accent", "hatch", "ink3")
_WAY_OUT = "Smaller batches, shorter examples, gradient checkpointing or LoRA take less."


class CostsView(QWidget):
    """Two bars with their figures, and the time."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.trainable = make_label(theme, "", 12, mono=True)
        self.percent = make_label(theme, "", 12, 700, mono=True)
        self.share = PartsBar(theme, 8)
        self.verdict = Badge(theme)
        self.total = make_label(theme, "", 12, 700, mono=True)
        self.memory = PartsBar(theme, 12)
        self.keys = FlowRow(gap=12, row_gap=0)
        self.time = make_label(theme, "", 12, role="caption")
        self.time.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        trained = QHBoxLayout()
        trained.setSpacing(8)
        trained.addWidget(make_label(theme, "Trainable", 12, 650))
        trained.addStretch(1)
        trained.addWidget(self.trainable)
        trained.addWidget(self.percent)
        column.addLayout(trained)
        column.addWidget(self.share)
        # In a narrow column the verdict goes under the name.
        name = FlowRow(gap=6, row_gap=2)
        name.add(make_label(theme, "Memory", 12, 650))
        name.add(self.verdict)
        column.addLayout(_line(name, self.total))
        column.addWidget(self.memory)
        column.addWidget(self.keys)
        column.addWidget(self.time)
        self._parts: list[PartKey] = []
        self.show_costs(None)

    def show_costs(self, costs: Costs | None) -> None:
        """Show these, or that they are not known yet."""
        for key in self._parts:
            self.keys.remove(key)
        self._parts = []
        if costs is None:
            self._show_nothing()
            return
        self.trainable.setText(f"{costs.trainable:,} of {costs.total:,}")
        self.trainable.setToolTip(f"LoRA changes {', '.join(costs.targets)}" if costs.targets else "")
        self.percent.setText(share_words(costs.trainable, costs.total))
        rest = max(costs.total - costs.trainable, 0)
        self.share.set_parts([(costs.trainable, "accent"), (rest, "line")])
        self.share.setAccessibleName(f"Trainable: {self.percent.text()}")
        self._show_memory(costs)
        self.time.setText(time_words(costs))
        self.time.setVisible(bool(self.time.text()))

    def _show_nothing(self) -> None:
        for label in (self.trainable, self.percent, self.total):
            label.setText("")
        self.trainable.setToolTip("")
        self.share.set_parts([])
        self.memory.set_parts([])
        self.verdict.say("")
        self.time.setText("Counted once there are a model and examples.")
        self.time.show()

    def _show_memory(self, costs: Costs) -> None:
        word = verdict(costs)
        free = f"{bytes_text(costs.free)} free"
        tip = f"{bytes_text(costs.needed)} beside the weights, which are loaded already; {free}."
        tip = tip if word == "fits" else f"{tip} {_WAY_OUT}"
        self.verdict.say(f"fits in {free}" if word == "fits" else f"{word}: {free}", _TONES[word], tip)
        self.total.setText(bytes_text(sum(part.size for part in costs.parts)))
        others = iter(_OTHERS * len(costs.parts))
        shown = [(part, _COLOURS.get(part.name) or next(others)) for part in costs.parts if part.size]
        self.memory.set_parts([(part.size, token) for part, token in shown])
        for part, token in shown:
            key = PartKey(self._theme, token, f"{part.name} {bytes_text(part.size)}")
            self.keys.add(key)
            self._parts.append(key)
        self.memory.setAccessibleName("Memory while training: " + ", ".join(self.part_words()))

    def part_words(self) -> list[str]:
        """The names and sizes under the bar."""
        return [key.words for key in self._parts]


def verdict(costs: Costs) -> str:
    """ "fits", "tight" or "too big"."""
    if costs.needed > costs.free:
        return "too big"
    return "tight" if costs.needed > _TIGHT * costs.free else "fits"


def share_words(part: int, whole: int) -> str:
    """ "1.15%"; two decimals, because adapters are often less than one in a hundred."""
    percent = 100 * part / max(whole, 1)
    if 0 < percent < 0.005:
        return "<0.01%"
    return f"{percent:.2f}%" if percent < 10 else f"{percent:.0f}%"


def time_words(costs: Costs) -> str:
    """ "about 3 min for 200 steps"; only the steps before their speed is known."""
    steps = f"{costs.steps:,} step" + ("" if costs.steps == 1 else "s")
    if not costs.steps:
        return ""
    if costs.seconds_a_step <= 0:
        return f"{steps}; how long they take is known after the first few"
    return f"about {span_words(costs.seconds_a_step * costs.steps)} for {steps}"


def span_words(seconds: float) -> str:
    """ "40 s", "3 min", "2 h 10 min", "3 days"."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
    return f"{round(minutes / 1440)} days"


def _line(name: QWidget, figure: QLabel) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(6)
    row.addWidget(name, 1)
    # As high as a badge, so that it stands beside the first row of the name.
    figure.setMinimumHeight(BADGE_HEIGHT)
    row.addWidget(figure, 0, Qt.AlignmentFlag.AlignTop)
    return row
