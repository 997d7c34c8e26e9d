"""A panel: a bordered sheet with a header and a body."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.ui.theme import Theme
from app.ui.widgets.export_button import ExportButton
from app.ui.widgets.labels import make_elided_label, make_rule

_SUBTITLE = 60
"""Pixels of the subtitle that count more than the word of a button with an icon."""
_LEAST_TITLE = 72
"""Pixels under which a title cut short says less than none."""


class Panel(QFrame):
    """Title, faint subtitle and controls in a header of 40 px; add contents to `body_layout`."""

    def __init__(self, theme: Theme, title: str, subtitle: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setProperty("role", "panel")
        self.setAccessibleName(title)
        self._title = make_elided_label(theme, title, 13, 650)
        self._export_button: ExportButton | None = None
        self._subtitle = make_elided_label(theme, subtitle, 12.5, role="caption")
        # A long subtitle is cut at the panel's width and does not push the panels beside it away.
        self._subtitle.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._subtitle.setMinimumWidth(0)
        header = QWidget()
        header.setFixedHeight(40)
        self._header = QHBoxLayout(header)
        self._header.setContentsMargins(12, 0, 8, 0)
        self._header.setSpacing(6)
        self._header.addWidget(self._title)
        self._header.addWidget(self._subtitle, 1)
        self.body = QWidget()
        self.body_layout = QVBoxLayout(self.body)
        self.body_layout.setContentsMargins(12, 12, 12, 12)
        self.body_layout.setSpacing(8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(header)
        layout.addWidget(make_rule())
        layout.addWidget(self.body, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold_title()

    def _fold_title(self) -> None:
        """Where controls and title do not fit side by side, the title gives way: half a control says less."""
        items = (self._header.itemAt(place) for place in range(self._header.count()))
        controls = [widget for item in items if item is not None and (widget := item.widget()) is not None]
        shown = [each for each in controls if each not in (self._title, self._subtitle) and not each.isHidden()]
        title, export = self._title.sizeHint().width(), self._export_button
        if export is not None and export in shown:
            export.shorten(False)
            least = min(self._subtitle.sizeHint().width(), _SUBTITLE)
            export.shorten(self._taken(shown) + title + least > self.width())
        room = self.width() - self._taken(shown)
        self._title.setVisible(not shown or room >= min(title, _LEAST_TITLE))

    def _taken(self, shown: list[QWidget]) -> int:
        """Pixels of the header that are not the title's."""
        return sum(each.sizeHint().width() + self._header.spacing() for each in shown) + 20 + 2 * self._header.spacing()

    def set_title(self, title: str) -> None:
        """Change the header's title, which is also the accessible name."""
        self._title.setText(title)
        self._fold_title()
        self.setAccessibleName(title)

    def set_subtitle(self, subtitle: str) -> None:
        """Change the faint words after the title."""
        self._subtitle.setText(subtitle)
        self._fold_title()

    def title(self) -> str:
        """The header's title."""
        return self._title.text()

    def subtitle(self) -> str:
        """The faint words after the title."""
        return self._subtitle.text()

    def add_header_widget(self, widget: QWidget) -> None:
        """Put a control at the right end of the header, after those already there."""
        self._header.addWidget(widget)

    def add_export(self, button: ExportButton) -> None:
        """Put the button that opens what can be copied and saved at the end; its word goes before the title does."""
        self._export_button = button
        self.add_header_widget(button)

    def add_lead(self, widget: QWidget) -> None:
        """Put a control before the title, taking it out of wherever it was."""
        self._header.insertWidget(0, widget)
