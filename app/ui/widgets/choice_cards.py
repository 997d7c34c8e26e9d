"""A choice between a few things that each need a line of explanation."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QWidget

from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round, focus_ring, outline_round

_HEIGHT = 52
_WITH_RING = 128


class ChoiceCard(QAbstractButton):
    """One card: a ring, a name, and what it means; off with its reason as the second line."""

    def __init__(self, theme: Theme, title: str, detail: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._detail = theme, detail
        self.setText(title)
        self.setCheckable(True)
        self.setFixedHeight(_HEIGHT)
        self.setMinimumWidth(76)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"{title}, {detail}")
        self.setToolTip(detail)
        theme.changed.connect(self._on_theme)

    def sizeHint(self) -> QSize:
        return QSize(140, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color, rect, chosen = self._theme.color, QRectF(self.rect()), self.isChecked()
        ground = "accentsoft" if chosen else "hover" if self.underMouse() and self.isEnabled() else "surface"
        outline_round(painter, rect, 6, color("accent" if chosen else "line"), 2.0 if chosen else 1.0, color(ground))
        # A narrow card keeps its room for the words; its border and ground say that it is chosen.
        wide = rect.width() >= _WITH_RING
        ring = QRectF(12, rect.center().y() - 8, 16, 16)
        if chosen and wide:
            fill_round(painter, ring, 8, color("accent"))
            fill_round(painter, ring.adjusted(5, 5, -5, -5), 3, color("surface"))
        elif wide:
            outline_round(painter, ring, 8, color("line2"), 1.0, color("surface"))
        left = 38 if wide else 9
        room = rect.width() - left - 4
        for top, text, font, token in (
            (8, self.text(), self._theme.font(13, 600), "ink" if self.isEnabled() else "ink3"),
            (27, self._detail, self._theme.font(11.5), "ink2" if self.isEnabled() else "ink3"),
        ):
            painter.setFont(font)
            painter.setPen(color(token))
            shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QRectF(left, top, room + 4, 18), Qt.AlignmentFlag.AlignVCenter, shown)
        if self.hasFocus():
            focus_ring(painter, rect, color("accent"))
        painter.end()

    @Slot()
    def _on_theme(self) -> None:
        self.update()


class ChoiceCards(QWidget):
    """Cards side by side, given as (key, title, detail, enabled). `chosen(key)` for the person's choice only."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._keys: list[str] = []
        self._group: QButtonGroup | None = None
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self.setAccessibleName(name)

    def set_choices(self, choices: Sequence[tuple[str, str, str, bool]], current: str) -> None:
        """Show these cards with one chosen."""
        while (item := self._row.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._keys = [key for key, _, _, _ in choices]
        self._group = QButtonGroup(self)
        for index, (key, title, detail, enabled) in enumerate(choices):
            card = ChoiceCard(self._theme, title, detail)
            card.setEnabled(enabled)
            card.setChecked(key == current)
            self._group.addButton(card, index)
            self._row.addWidget(card)
        self._group.idClicked.connect(self._clicked)

    def current(self) -> str:
        """The key of the chosen card, '' when none is."""
        index = self._group.checkedId() if self._group is not None else -1
        return self._keys[index] if index >= 0 else ""

    def card(self, key: str) -> QAbstractButton:
        """One card."""
        assert self._group is not None
        return self._group.button(self._keys.index(key))

    @Slot(int)
    def _clicked(self, index: int) -> None:
        self.chosen.emit(self._keys[index])
