"""What a model would take of the memory: its parts on one bar, and a verdict in words."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.engine.models.records import Estimate
from app.ui.icons import pixmap
from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round

_TAGS = {
    "fits": ("check", "ok", "oksoft"),
    "tight": ("warn", "warn", "warnsoft"),
    "too big": ("error", "err", "errsoft"),
}
_HEIGHT, _BAR_TOP, _BAR = 74, 26, 22


def bytes_text(size: float) -> str:
    """ "24.1 MB", "6.2 GB", "312 kB"."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size:.0f} B"


class MemoryBar(QWidget):
    """An Estimate: title and tag above, the bar of its parts, their names below. The scale is its own total."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._estimate: Estimate | None = None
        self._words = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(_HEIGHT)
        self.setAccessibleName("Memory estimate")
        theme.changed.connect(self._on_theme)

    def set_estimate(self, estimate: Estimate | None, words: str = "") -> None:
        """Show an estimate, or words that say why there is none."""
        self._estimate, self._words = estimate, words
        self.setAccessibleDescription(
            words if estimate is None else f"{bytes_text(estimate.total)}, {self.verdict()}, {self.parts_text()}"
        )
        self.setToolTip("" if estimate is None else f"Counted for a text of {estimate.tokens:,} tokens")
        self.update()

    def verdict(self) -> str:
        """The tag's words."""
        made = self._estimate
        if made is None:
            return ""
        where = "CPU" if made.device == "cpu" else "GPU"
        words = f"{made.verdict}: {bytes_text(made.free)} free on {where}"
        if made.verdict == "fits":
            return words
        if made.returned:
            words += f", {bytes_text(made.returned)} more when open models are closed"
        return f"{words}; {self._way_out(made)}" if made.verdict == "too big" else words

    @staticmethod
    def _way_out(made: Estimate) -> str:
        weights = dict(made.parts)["Weights"]
        if made.precision == "fp32" and made.total - weights / 2 <= made.free + made.returned:
            return "bf16 fits"
        return "choose a smaller model"

    def parts_text(self) -> str:
        """Every part with its size."""
        made = self._estimate
        return ", ".join(f"{name} {bytes_text(size)}" for name, size in made.parts) if made is not None else ""

    def sizeHint(self) -> QSize:
        return QSize(400, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._theme.font(12, 600))
        painter.setPen(self._theme.color("ink"))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, 0, 140, 20), middle, "Memory estimate")
        left = QFontMetricsF(painter.font()).horizontalAdvance("Memory estimate") + 10
        if self._estimate is None:
            painter.setFont(self._theme.font(12))
            painter.setPen(self._theme.color("ink3"))
            painter.drawText(QRectF(left, 0, self.width() - left, 20), middle, self._words)
            fill_round(painter, QRectF(0, _BAR_TOP, self.width(), _BAR), 4, self._theme.color("sunken"))
            return
        self._paint_tag(painter, left, self._estimate)
        painter.setFont(self._theme.font(12, 600, mono=True))
        painter.setPen(self._theme.color("ink"))
        total = bytes_text(self._estimate.total)
        painter.drawText(QRectF(0, 0, self.width(), 20), middle | Qt.AlignmentFlag.AlignRight, total)
        self._paint_bar(painter, self._estimate)

    def _paint_tag(self, painter: QPainter, left: float, made: Estimate) -> None:
        icon_name, strong, soft = _TAGS[made.verdict]
        painter.setFont(self._theme.font(12, 600))
        metrics = QFontMetricsF(painter.font())
        words = metrics.elidedText(self.verdict(), Qt.TextElideMode.ElideRight, self.width() - left - 120)
        tag = QRectF(left, 1, metrics.horizontalAdvance(words) + 32, 19)
        fill_round(painter, tag, 5, self._theme.color(soft))
        painter.drawPixmap(round(tag.left()) + 6, 4, pixmap(self._theme, icon_name, strong, 13))
        painter.setPen(self._theme.color(strong))
        painter.drawText(tag.adjusted(24, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, words)

    def _colours(self) -> list[QColor]:
        return [self._theme.color(token) for token in ("res", "accent", "line2", "hatch")]

    def _paint_bar(self, painter: QPainter, made: Estimate) -> None:
        x, key = 0.0, 0.0
        total = max(made.total, 1)
        for (name, size), colour in zip(made.parts, self._colours(), strict=True):
            width = self.width() * size / total
            painter.fillRect(QRectF(x, _BAR_TOP, max(width - 1, 1), _BAR), colour)
            x += width
            painter.setFont(self._theme.font(12))
            metrics, words = QFontMetricsF(painter.font()), f"{name} "
            fill_round(painter, QRectF(key, 58, 8, 8), 2, colour)
            painter.setPen(self._theme.color("ink2"))
            painter.drawText(QRectF(key + 13, 54, 300, 16), Qt.AlignmentFlag.AlignVCenter, words)
            key += 13 + metrics.horizontalAdvance(words)
            painter.setFont(self._theme.font(12, mono=True))
            figure = bytes_text(size)
            painter.drawText(QRectF(key, 54, 200, 16), Qt.AlignmentFlag.AlignVCenter, figure)
            key += QFontMetricsF(painter.font()).horizontalAdvance(figure) + 18

    @Slot()
    def _on_theme(self) -> None:
        self.update()
