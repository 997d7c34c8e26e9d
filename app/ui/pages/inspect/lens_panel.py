"""The logit lens at every position, large, or the sentence that says why this model has none."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QStackedWidget

from app.engine.trace.records import LensMap, Token
from app.ui.theme import Theme
from app.ui.widgets.export_button import ExportButton
from app.ui.widgets.labels import make_label
from app.ui.widgets.lens_view import LensView
from app.ui.widgets.panel import Panel
from app.ui.widgets.table_twin import TableTwin

RAW = (
    "Raw logit lens: each block's stream through the model's own final norm and unembedding. Early blocks do not write "
    "in that basis, so read what they say as hints."
)


class LensPanel(Panel):
    """The picture with what kind of lens it is written above it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Raw logit lens")
        self.lens: LensMap | None = None
        self.why = ""
        """Why there is no lens, '' while there is one."""
        self.view = LensView(theme)
        self.twin = TableTwin(theme, self.view)
        self.add_header_widget(self.twin.button)
        self.add_export(ExportButton(theme, self.view.context_menu))
        self.raw = make_label(theme, RAW, 12, role="secondary")
        self.words = make_label(theme, "", 13, role="secondary")
        for label in (self.raw, self.words):
            label.setWordWrap(True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._sheets = QStackedWidget()
        self._sheets.addWidget(self.twin)
        self._sheets.addWidget(self.words)
        self.body_layout.setContentsMargins(12, 8, 12, 8)
        self.body_layout.addWidget(self.raw)
        self.body_layout.addWidget(self._sheets, 1)

    def show_lens(self, found: LensMap | str | None, tokens: Sequence[Token] = ()) -> None:
        """Show the lens at these tokens, or why there is none; None clears."""
        self.lens = found if isinstance(found, LensMap) else None
        self.why = found if isinstance(found, str) else ""
        self.view.set_lens(self.lens, [token.shown for token in tokens] if self.lens is not None else [])
        self.view.set_title("raw logit lens")
        self.words.setText(self.why)
        self.raw.setVisible(self.lens is not None)
        self._sheets.setCurrentWidget(self.words if self.why else self.twin)
        self.twin.button.setVisible(self.lens is not None)
        if self.lens is not None:
            layers, count = self.lens.ids.shape
            self.set_subtitle(f"{layers} blocks × {count} tokens")
        else:
            self.set_subtitle("")
