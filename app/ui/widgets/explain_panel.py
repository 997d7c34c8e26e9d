"""The Explain panel at the right of the window."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QToolButton, QVBoxLayout, QWidget

from app.ui.explanation import Explanation
from app.ui.icons import icon, pixmap
from app.ui.theme import Theme
from app.ui.widgets.labels import breakable, make_label, make_rule
from app.ui.widgets.shape_blocks import ShapeBlocks

OPEN_WIDTH = 296
COLLAPSED_WIDTH = 32


class ExplainPanel(QFrame):
    """Says what is on screen, its formula with this model's shapes, plain words, and something to try.

    `collapsed_changed(bool)` comes for the arrow and for `set_collapsed`.
    """

    collapsed_changed = Signal(bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._collapsed = False
        self.setProperty("role", "bar")
        self.setAccessibleName("Explain")
        self.setFixedWidth(OPEN_WIDTH)
        self._header_parts: list[QWidget] = []
        self._sections: dict[QLabel, QWidget] = {}
        """By its caption each section whole."""
        self.toggle_button = QToolButton()
        self.toggle_button.setIconSize(QSize(18, 18))
        self.toggle_button.clicked.connect(self.toggle)
        self._title = make_label(theme, "", 18, 650)
        self._title.setWordWrap(True)
        self._subtitle = make_label(theme, "", 12, role="secondary")
        self._subtitle.setWordWrap(True)
        self._looking_at = self._make_section("What you are looking at")
        self._formula_caption = make_label(theme, "", 11, 650, role="secondary")
        self._formula = self._make_text(15)
        self._blocks = ShapeBlocks(theme)
        self._formula_note = self._make_text(12)
        self._formula_note.setProperty("role", "secondary")
        self._plain = self._make_section("In plain words")
        self._try_this = self._make_section("Try this")
        self._lay_out()
        theme.changed.connect(self._on_theme)
        self._on_theme()
        self.set_explanation(Explanation(""))

    def set_explanation(self, explanation: Explanation) -> None:
        """Show these texts; a section without words is left out."""
        self._title.setText(breakable(explanation.title))
        self._subtitle.setText(breakable(explanation.subtitle))
        self._subtitle.setVisible(bool(explanation.subtitle))
        for (caption, text), words in (
            (self._looking_at, explanation.looking_at),
            (self._plain, explanation.plain),
            (self._try_this, explanation.try_this),
        ):
            text.setText(words)
            self._sections[caption].setVisible(bool(words))
        self._formula_caption.setText(explanation.formula_caption)
        self._formula.setText(explanation.formula_html)
        self._formula.setVisible(bool(explanation.formula_html))
        self._blocks.set_blocks(explanation.blocks)
        self._formula_note.setText(explanation.formula_note)
        self._formula_note.setVisible(bool(explanation.formula_note))
        has_formula = bool(explanation.formula_html or explanation.blocks)
        self._sections[self._formula_caption].setVisible(has_formula)

    def is_collapsed(self) -> bool:
        """Whether only the strip of 32 px is shown."""
        return self._collapsed

    def set_collapsed(self, collapsed: bool) -> None:
        """Shrink to 32 px, or open to 296."""
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        self._scroll.setVisible(not collapsed)
        for part in self._header_parts:
            part.setVisible(not collapsed)
        margin = 3 if collapsed else 14
        self._header.setContentsMargins(margin, 0, 3 if collapsed else 10, 0)
        self.setFixedWidth(COLLAPSED_WIDTH if collapsed else OPEN_WIDTH)
        self._on_theme()
        self.collapsed_changed.emit(collapsed)

    @Slot()
    def toggle(self) -> None:
        """Collapse or open (F1)."""
        self.set_collapsed(not self._collapsed)

    def _make_text(self, px: float) -> QLabel:
        label = QLabel()
        label.setTextFormat(Qt.TextFormat.RichText)
        label.setWordWrap(True)
        label.setFont(self._theme.font(px))
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label

    def _make_section(self, caption: str) -> tuple[QLabel, QLabel]:
        text = self._make_text(13)
        text.setProperty("role", "secondary")
        text.setAccessibleName(caption)
        return make_label(self._theme, caption, 11, 650, role="secondary"), text

    def _lay_out(self) -> None:
        sheet = QVBoxLayout()
        sheet.setContentsMargins(0, 0, 0, 0)
        sheet.setSpacing(0)
        sheet.addWidget(self._make_header())
        sheet.addWidget(make_rule())
        sheet.addWidget(self._make_scroll(), 1)
        # While the scroll area is hidden the header stays at the top.
        sheet.addStretch(0)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(make_rule(vertical=True))
        layout.addLayout(sheet, 1)

    def _make_header(self) -> QWidget:
        header = QWidget()
        header.setFixedHeight(44)
        self._header = QHBoxLayout(header)
        self._header.setContentsMargins(14, 0, 10, 0)
        self._header.setSpacing(8)
        self._header_icon = QLabel()
        key = make_label(self._theme, "F1", 12, role="caption", mono=True)
        self._header_parts = [self._header_icon, make_label(self._theme, "Explain", 13, 650), key]
        self._header.addWidget(self._header_parts[0])
        self._header.addWidget(self._header_parts[1])
        self._header.addStretch(1)
        self._header.addWidget(key)
        self._header.addWidget(self.toggle_button)
        return header

    def _make_scroll(self) -> QScrollArea:
        self._well = QFrame()
        self._well.setProperty("role", "well")
        well = QVBoxLayout(self._well)
        well.setContentsMargins(12, 12, 12, 12)
        well.setSpacing(10)
        for part in (self._formula, self._blocks, self._formula_note):
            well.addWidget(part)
        page = QWidget()
        page.setProperty("role", "page")
        column = QVBoxLayout(page)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(0)
        column.addWidget(self._title)
        column.addSpacing(2)
        column.addWidget(self._subtitle)
        for caption, body in (
            self._looking_at,
            (self._formula_caption, self._well),
            self._plain,
            self._try_this,
        ):
            # What is left out leaves no gap either.
            self._sections[caption] = section = QWidget()
            lines = QVBoxLayout(section)
            lines.setContentsMargins(0, 16, 0, 0)
            lines.setSpacing(6)
            lines.addWidget(caption)
            lines.addWidget(body)
            column.addWidget(section)
        column.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._scroll.setWidget(page)
        return self._scroll

    @Slot()
    def _on_theme(self) -> None:
        words = "Open Explain (F1)" if self._collapsed else "Collapse Explain (F1)"
        arrow = "chevron-left" if self._collapsed else "chevron-right"
        self.toggle_button.setIcon(icon(self._theme, arrow, "ink", 18))
        self.toggle_button.setToolTip(words)
        self.toggle_button.setAccessibleName(words)
        self._header_icon.setPixmap(pixmap(self._theme, "info", "ink2", 18))
