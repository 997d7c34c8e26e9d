"""A thin bar that fills: memory, a job, a download."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round

_HEIGHT = 6


class ProgressLine(QWidget):
    """A share 0..1 as a bar of 6 px in the colour of a token; None draws the empty track."""

    def __init__(self, theme: Theme, name: str, width: int = 0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._share: float | None = None
        self._token = "accent"
        self.setAccessibleName(name)
        self.setFixedHeight(_HEIGHT)
        if width:
            self.setFixedWidth(width)
        else:
            self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._on_theme)

    def set_share(self, share: float | None, color_token: str = "accent") -> None:
        """Fill to a share, clipped to 0..1."""
        self._share = None if share is None else min(max(share, 0.0), 1.0)
        self._token = color_token
        self.setAccessibleDescription("" if self._share is None else f"{100 * self._share:.0f} percent")
        self.update()

    def share(self) -> float | None:
        """The share shown."""
        return self._share

    def sizeHint(self) -> QSize:
        return QSize(120, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill_round(painter, QRectF(self.rect()), 3, self._theme.color("line"))
        if self._share:
            filled = QRectF(0, 0, max(self.width() * self._share, _HEIGHT), self.height())
            fill_round(painter, filled, 3, self._theme.color(self._token))
        painter.end()

    @Slot()
    def _on_theme(self) -> None:
        self.update()
