"""A choice whose words are cut with an ellipsis where the box is too narrow for them; the list that opens is not."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter

_BESIDE = 40
"""Pixels of the list that are not its words'."""


class ElidedCombo(QComboBox):
    """As narrow as its place; call `fit_list` when its words are others."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def fit_list(self) -> None:
        """Make the list that opens as wide as its longest words, which are also their tooltips."""
        texts = [self.itemText(place) for place in range(self.count())]
        for place, text in enumerate(texts):
            self.setItemData(place, text, Qt.ItemDataRole.ToolTipRole)
        wide = max((self.fontMetrics().horizontalAdvance(text) for text in texts), default=0)
        self.view().setMinimumWidth(wide + _BESIDE)

    def words_shown(self) -> str:
        """What the closed box has room for."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width() - 4
        return self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideRight, room)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        option.currentText = self.words_shown()
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()
