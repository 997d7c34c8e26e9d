"""Every small component on one sheet: `python -m app.ui.gallery [--theme dark] [--screenshot FILE]`.

To look at a change to the theme or a widget without opening a model; its figures are made up.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.ui.colour_maps import MAP_NAMES
from app.ui.explanation import Explanation, ShapeBlock
from app.ui.theme import CHOICES, Theme
from app.ui.widgets.banner import Banner
from app.ui.widgets.empty_state import EmptyState
from app.ui.widgets.explain_panel import ExplainPanel
from app.ui.widgets.job_strip import JobStrip
from app.ui.widgets.labels import make_label
from app.ui.widgets.painting import outline_round
from app.ui.widgets.panel import Panel
from app.ui.widgets.probability_bars import ProbabilityBars
from app.ui.widgets.rail import Rail
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.slider_field import SliderField
from app.ui.widgets.token_chip import GENERATE, INSPECT
from app.ui.widgets.token_strip import TokenStrip
from app.ui.widgets.top_bar import TopBar

SIZE = QSize(1440, 980)
_ROLES = ("bg", "surface", "ink", "ink2", "accent", "a", "b", "ok", "warn", "err", "line", "line2")
_WORDS = ("When", " Tim", " and", " Ada", " went", " to", " the", " park", ",", " Tim", " gave", " a", " ball", " to")
_IDS = (1187, 412, 290, 1935, 703, 284, 262, 1474, 11, 412, 866, 257, 1022, 284)
_PROMPT = ("Once", " upon", " a", " time", ",", " there", " was")
_WRITTEN = (
    (" a", 0.83),
    (" little", 0.61),
    (" fox", 0.08),
    (" named", 0.47),
    (" Pip", 0.04),
    (".", 0.88),
    ("\n", 0.31),
    ("Pip", 0.52),
    (" lived", 0.29),
    (" in", 0.66),
    (" a", 0.71),
    (" big", 0.18),
    (" tree", 0.22),
)
_ROWS = (
    (" Ada", 0.713, 0.784),
    (" her", 0.079, 0.061),
    (" the", 0.052, 0.033),
    (" his", 0.036, 0.02),
    (" him", 0.029, 0.011),
    (" Tim", 0.022, 0.019),
)
_PAGES = (
    ("model", "Model", "model"),
    ("inspect", "Inspect", "inspect"),
    ("generate", "Generate", "generate"),
)
_EXPLANATION = Explanation(
    title="Attention weights",
    subtitle="Block 3, head 2, after softmax",
    looking_at="Each <b>row</b> is a token deciding where to look. Each <b>column</b> is a token it can look at. "
    "A row adds up to 1.",
    formula_html="<i>A</i> = softmax( <i>Q K</i><sup>T</sup> ∕ √64 + mask )",
    blocks=(
        ShapeBlock("Q", 14, 64),
        ShapeBlock("K^T", 64, 14, joint="·"),
        ShapeBlock("A", 14, 14, joint="→", result=True),
    ),
    formula_note="1 of 4 heads; 64 = 256 ∕ 4",
    plain="The second <b>Tim</b> looks back at <b>and</b>, the word that followed the first <b>Tim</b>.",
    try_this="Click another row and watch the chips in the prompt line.",
)


class Swatches(QWidget):
    """The colour roles and the four maps."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setFixedHeight(190)
        theme.changed.connect(self._on_theme)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pitch = self.width() / len(_ROLES)
        painter.setFont(self._theme.font(11))
        for index, role in enumerate(_ROLES):
            rect = QRectF(index * pitch, 0, pitch - 6, 24)
            outline_round(painter, rect, 4, self._theme.color("line"), 1.0, self._theme.color(role))
            painter.setPen(self._theme.color("ink"))
            painter.drawText(QPointF(rect.left(), 38), role)
        for index, name in enumerate(MAP_NAMES):
            top = 52 + index * 34
            painter.setPen(self._theme.color("ink2"))
            painter.drawText(0, top + 10, name)
            lut = np.ascontiguousarray(self._theme.lut(name)[None])
            strip = QImage(lut.data, 256, 1, 256 * 4, QImage.Format.Format_RGBA8888)
            painter.drawImage(QRectF(0, top + 14, self.width(), 12), strip)
        painter.end()

    @Slot()
    def _on_theme(self) -> None:
        self.update()


class Gallery(QWidget):
    """The sheet: bars and rail around panels of components."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setWindowTitle("Unembed: components")
        top, rail, strip, explain = TopBar(theme), Rail(theme, _PAGES), JobStrip(theme), ExplainPanel(theme)
        top.set_model("story-gpt", "GPT-2 · 4.3M · fp32 · CPU")
        top.set_memory(3.1, 16.0)
        top.set_jobs(1)
        rail.set_current("inspect")
        strip.set_job("LoRA finetune “pirate-tales”", "step 310 of 500 · 1 min 48 s left", 0.62, "finetune")
        explain.set_explanation(_EXPLANATION)
        sheet = QGridLayout()
        sheet.setContentsMargins(12, 12, 12, 12)
        sheet.setSpacing(12)
        sheet.addWidget(self._tokens(), 0, 0, 1, 2)
        sheet.addWidget(self._colours(), 1, 0)
        sheet.addWidget(self._bars(), 1, 1)
        sheet.addWidget(self._controls(), 2, 0)
        sheet.addWidget(self._messages(), 2, 1)
        sheet.setRowStretch(2, 1)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(rail)
        middle.addLayout(sheet, 1)
        middle.addWidget(explain)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(top)
        layout.addLayout(middle, 1)
        layout.addWidget(strip)

    def _tokens(self) -> Panel:
        panel = Panel(self._theme, "Token chips", "prompt, probability, selected")
        inspect = TokenStrip(self._theme, INSPECT)
        inspect.set_tokens((word, token_id, None, True) for word, token_id in zip(_WORDS, _IDS, strict=True))
        inspect.set_selected(9)
        weights = np.full(len(_WORDS), 0.01)
        weights[2], weights[0] = 0.78, 0.12
        inspect.set_weights(weights)
        generate = TokenStrip(self._theme, GENERATE)
        generate.set_tokens((word, None, None, True) for word in _PROMPT)
        for word, probability in _WRITTEN:
            generate.append(word, None, probability)
        generate.set_selected(10)
        generate.set_streaming(True)
        one_line = TokenStrip(self._theme, INSPECT, single_line=True)
        one_line.set_tokens((word, None, None, True) for word in _WORDS * 8)
        for part in (inspect, generate, one_line):
            panel.body_layout.addWidget(part)
        return panel

    def _colours(self) -> Panel:
        panel = Panel(self._theme, "Colour roles and maps")
        panel.body_layout.addWidget(Swatches(self._theme))
        panel.body_layout.addStretch(1)
        return panel

    def _bars(self) -> Panel:
        panel = Panel(self._theme, "Next token", "after ␣to")
        panel.add_header_widget(Segmented(self._theme, ["Weights", "Scores"]))
        bars = ProbabilityBars(self._theme)
        bars.set_columns("model", "settings")
        bars.set_rows(_ROWS)
        panel.body_layout.addWidget(bars)
        panel.body_layout.addStretch(1)
        return panel

    def _controls(self) -> Panel:
        panel = Panel(self._theme, "Controls")
        temperature = SliderField(self._theme, "Temperature", 0.0, 2.0, 0.05, 1.0)
        temperature.set_value(0.8)
        min_p = SliderField(self._theme, "Min-p", 0.01, 0.5, 0.01, 0.0, off=0.0)
        top_k = SliderField(self._theme, "Top-k", 1, 5632, 1, 50, off=0, decimals=0, logarithmic=True)
        beams = SliderField(self._theme, "Beams", 1, 8, 1, 1, decimals=0)
        beams.set_disabled_reason("Beams are used by beam search only.")
        grid = QGridLayout()
        for index, part in enumerate((temperature, min_p, top_k, beams)):
            grid.addWidget(part, index // 2, index % 2)
        panel.body_layout.addLayout(grid)
        buttons = QHBoxLayout()
        for words, kind in (("Run", "primary"), ("Edit", ""), ("Reset", "quiet"), ("Delete", "danger")):
            button = QPushButton(words)
            button.setProperty("kind", kind)
            buttons.addWidget(button)
        busy = QPushButton("Busy")
        busy.setEnabled(False)
        pinned = QPushButton("Pinned")
        pinned.setCheckable(True)
        pinned.setChecked(True)
        buttons.addWidget(busy)
        buttons.addWidget(pinned)
        buttons.addStretch(1)
        panel.body_layout.addLayout(buttons)
        others = QHBoxLayout()
        values, mean = QCheckBox("Values"), QCheckBox("Mean")
        values.setChecked(True)
        box = QComboBox()
        box.addItems(["Balanced", "Careful", "Wild"])
        for other in (values, mean, box, QLineEdit("a field")):
            others.addWidget(other)
        panel.body_layout.addLayout(others)
        panel.body_layout.addWidget(make_label(self._theme, "A caption of 11 px", 11, role="caption"))
        panel.body_layout.addStretch(1)
        return panel

    def _messages(self) -> Panel:
        panel = Panel(self._theme, "Messages")
        for kind, fact, remedy, action in (
            ("error", "Needs 6.2 GB, 5.6 GB is free on the GPU.", "Load it in half precision.", "Load as bf16"),
            ("warn", "Text cut to 512 tokens, this model’s limit.", "", ""),
            ("info", "Head L3 H2 is off.", "Results include this.", ""),
        ):
            banner = Banner(self._theme)
            panel.body_layout.addWidget(banner)
            banner.show_message(kind, fact, remedy, action)
        empty = EmptyState(self._theme, "No prompt yet", "Type a sentence to start.", ["Use an example", "Type"])
        panel.body_layout.addWidget(empty, 1)
        return panel


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the sheet, or write a picture of it and leave."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--theme", choices=CHOICES, default="system")
    parser.add_argument("--screenshot", metavar="FILE", help="write a PNG and leave")
    options = parser.parse_args(arguments)
    app = QApplication(sys.argv[:1])
    theme = Theme(options.theme)
    theme.apply(app)
    gallery = Gallery(theme)
    theme.dress(gallery)
    gallery.resize(SIZE)
    gallery.show()
    gallery.setFocus()
    if not options.screenshot:
        return app.exec()
    app.processEvents()
    return 0 if gallery.grab().save(options.screenshot) else 1


if __name__ == "__main__":
    sys.exit(main())
