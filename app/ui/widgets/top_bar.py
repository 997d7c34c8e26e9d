"""The bar at the top of the window: the open model, memory, jobs and the theme."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.ui.icons import icon, pixmap
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label, make_rule
from app.ui.widgets.painting import fill_round, focus_ring, outline_round
from app.ui.widgets.progress_line import ProgressLine

_TIGHT = 0.8
_BETWEEN = " · "
"""Between the facts of a model."""


class AppMark(QWidget):
    """The mark: bars of next-token odds, one of them chosen."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setFixedSize(28, 28)
        theme.changed.connect(self._on_theme)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = self._theme.color
        fill_round(painter, QRectF(self.rect()), 7, color("ink"))
        bright = self._theme.lut_color("probability", 0.35 if self._theme.is_dark else 0.15)
        for top, length, ink in ((8, 7, bright), (13, 14, color("accent")), (18, 10, bright)):
            pen = QPen(ink, 2.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawLine(7, top + 1, 7 + length, top + 1)
        painter.end()

    @Slot()
    def _on_theme(self) -> None:
        self.update()


class ModelBox(QAbstractButton):
    """Which model is open: letter badge, name, and what it is. Pressing it opens the list of models."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._letter, self._name, self._detail = "A", "", ""
        self._name_font = theme.font(13, 650)
        self._detail_font = theme.font(12.5)
        self.setFixedHeight(32)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setToolTip("Open a model")
        theme.changed.connect(self._on_theme)
        self.set_model("", "")

    def set_model(self, name: str, detail: str, letter: str = "A") -> None:
        """Show a model; an empty name says that none is open."""
        self._name, self._detail, self._letter = name, detail, letter
        spoken = f"Model {letter}: {name}, {detail}" if name else "No model open"
        self.setAccessibleName(spoken)
        self.setText(spoken)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        name = QFontMetricsF(self._name_font).horizontalAdvance(self._name or "No model open")
        detail = QFontMetricsF(self._detail_font).horizontalAdvance(self._detail)
        return QSize(round(8 + 20 + 8 + name + (8 + detail if self._detail else 0) + 32), 32)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 32)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color, rect = self._theme.color, QRectF(self.rect())
        outline_round(painter, rect, 6, color("line2"), 1.0, color("hover" if self.underMouse() else "surface"))
        left = 8.0
        if self._name:
            badge = QRectF(left, 6, 20, 20)
            fill_round(painter, badge, 5, color(self._letter.lower()))
            painter.setFont(self._theme.font(12, 650))
            painter.setPen(color(f"on{self._letter.lower()}"))
            painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, self._letter)
            left += 28
        room = rect.width() - left - 30
        left += self._paint_words(painter, self._name or "No model open", left, room, True) + 8
        if self._detail:
            self._paint_words(painter, self.shortened(rect.width() - left - 28), left, rect.width() - left - 28, False)
        painter.drawPixmap(round(rect.width()) - 24, 8, pixmap(self._theme, "chevron-down", "ink2", 16))
        if self.hasFocus():
            focus_ring(painter, rect, color("accent"))
        painter.end()

    def shortened(self, room: float) -> str:
        """The detail without its first facts where there is no room for all: the last says what state the model is in,
        "with LoRA", and is what two models of one family differ by."""
        metrics, parts = QFontMetricsF(self._detail_font), self._detail.split(_BETWEEN)
        while len(parts) > 1 and metrics.horizontalAdvance(_BETWEEN.join(parts)) > room:
            parts.pop(0)
        return _BETWEEN.join(parts)

    def _paint_words(self, painter: QPainter, words: str, left: float, room: float, strong: bool) -> float:
        """Paint words cut to the room; gives back the pixels they took."""
        font = self._name_font if strong else self._detail_font
        metrics = QFontMetricsF(font)
        shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, max(room, 0.0))
        painter.setFont(font)
        painter.setPen(self._theme.color("ink" if strong else "ink2"))
        painter.drawText(
            QRectF(left, 0, max(room, 0.0) + 2, 32), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown
        )
        return metrics.horizontalAdvance(shown)

    @Slot()
    def _on_theme(self) -> None:
        self.update()


class TopBar(QFrame):
    """48 px. `theme_chosen("light" | "dark")` comes after the theme was switched by the button."""

    open_requested = Signal()
    second_requested = Signal()
    find_requested = Signal()
    jobs_requested = Signal()
    theme_chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setProperty("role", "bar")
        self.setFixedHeight(48)
        self.model_box = ModelBox(theme)
        self.second_box = ModelBox(theme)
        self.second_box.setToolTip("Swap with A, or close")
        self.second_box.hide()
        self.find_button = QPushButton("Find or run  Ctrl+K")
        self.find_button.setFont(theme.font(12.5))
        self.find_button.setToolTip("Every command by its name (Ctrl+K)")
        self._memory_caption = make_label(theme, "RAM", 12, role="secondary")
        self._memory_bar = ProgressLine(theme, "Memory in use", 64)
        self._memory = make_label(theme, "", 12, role="secondary", mono=True)
        self.jobs_button = self._make_tool("Running jobs")
        self.jobs_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.jobs_button.setFont(theme.font(12.5))
        self.theme_button = self._make_tool("Dark theme")
        self._lay_out()
        self.model_box.clicked.connect(self.open_requested)
        self.second_box.clicked.connect(self.second_requested)
        self.find_button.clicked.connect(self.find_requested)
        self.jobs_button.clicked.connect(self.jobs_requested)
        self.theme_button.clicked.connect(self._on_theme_button)
        theme.changed.connect(self._on_theme)
        for part in (self._memory_caption, self._memory_bar, self._memory):
            part.hide()
        self.set_jobs(0)
        self._on_theme()

    def set_model(self, name: str, detail: str, letter: str = "A") -> None:
        """Show the open model, such as "story-gpt" and "GPT-2 · 4.3M · fp32 · CPU"; an empty name for none."""
        self.model_box.set_model(name, detail, letter)

    def set_second(self, name: str, detail: str) -> None:
        """Show model B beside A; an empty name hides it."""
        self.second_box.set_model(name, detail, "B")
        self.second_box.setVisible(bool(name))

    def set_memory(self, used_gb: float, total_gb: float, caption: str = "RAM") -> None:
        """Show memory in use; over 80 % the bar turns to the warning colour and the tooltip says "tight"."""
        share = used_gb / total_gb if total_gb > 0 else 0.0
        tight = share > _TIGHT
        self._memory_caption.setText(caption)
        self._memory_bar.set_share(share, "warn" if tight else "accent")
        self._memory.setText(f"{used_gb:.1f} / {total_gb:.0f} GB" + (" tight" if tight else ""))
        for part in (self._memory_caption, self._memory_bar, self._memory):
            part.setToolTip(f"{used_gb:.1f} of {total_gb:.1f} GB in use")
            part.show()

    def set_jobs(self, count: int) -> None:
        """Show how many jobs are running or waiting; nothing at 0."""
        self.jobs_button.setText(f" {count} job" + ("" if count == 1 else "s"))
        self.jobs_button.setVisible(count > 0)

    def memory_text(self) -> str:
        """The memory figures shown."""
        return self._memory.text()

    def _make_tool(self, name: str) -> QToolButton:
        button = QToolButton()
        button.setAccessibleName(name)
        button.setToolTip(name)
        button.setIconSize(QSize(18, 18))
        return button

    def _lay_out(self) -> None:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(22, 0, 14, 0)
        row.setSpacing(8)
        row.addWidget(AppMark(self._theme))
        row.addSpacing(16)
        row.addWidget(make_label(self._theme, "Unembed", 15, 650))
        row.addSpacing(8)
        row.addWidget(self.model_box)
        row.addWidget(self.second_box)
        row.addStretch(1)
        for part in (self._memory_caption, self._memory_bar, self._memory):
            row.addWidget(part)
        row.addSpacing(8)
        row.addWidget(self.jobs_button)
        row.addWidget(self.theme_button)
        row.addWidget(self.find_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(line, 1)
        layout.addWidget(make_rule())

    @Slot()
    def _on_theme_button(self) -> None:
        choice = "light" if self._theme.is_dark else "dark"
        self._theme.set_choice(choice)
        self.theme_chosen.emit(choice)

    @Slot()
    def _on_theme(self) -> None:
        dark = self._theme.is_dark
        self.theme_button.setIcon(icon(self._theme, "sun" if dark else "moon", "ink2", 18))
        self.theme_button.setToolTip("Light theme" if dark else "Dark theme")
        self.theme_button.setAccessibleName("Light theme" if dark else "Dark theme")
        self.jobs_button.setIcon(icon(self._theme, "jobs", "accent", 16))
        self.find_button.setIcon(icon(self._theme, "search", "ink2", 16))
