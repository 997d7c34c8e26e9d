"""Where models come from: those that are bundled, on this computer, on the hub."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from app.engine.models.records import HubEntry, ModelEntry
from app.session.session import Session
from app.ui.family_names import family_name
from app.ui.icons import icon
from app.ui.pages.model.model_list import ModelList, ModelRow
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.memory_bar import bytes_text
from app.ui.widgets.panel import Panel
from app.ui.widgets.segmented import Segmented

BUNDLED, COMPUTER, HUB = range(3)
KIND_WORDS = {
    "decoder": "decoder only",
    "encoder": "encoder only",
    "encoder-decoder": "encoder and decoder",
    "": "kind not told",
}
_EMPTY = {
    BUNDLED: "No model came with this copy.",
    COMPUTER: "Nothing was opened from a folder yet, and the Hugging Face cache of this computer is empty.",
    HUB: "Type a name, or a part of one, and press Enter. Unembed asks huggingface.co only then.",
}


class SourcesPanel(Panel):
    """The three shelves. `chosen(ref)` for one that is looked at, `opened(ref)` for one to open at once."""

    chosen = Signal(str)
    opened = Signal(str)
    folder_wanted = Signal()

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, "")
        self.setAccessibleName("Models")
        self._session = session
        self.shelf = Segmented(theme, ["Bundled", "Computer", "Hub"], "Where models come from")
        self.shelf.changed.connect(self._fill)
        self.add_header_widget(self.shelf)
        self.field = QLineEdit()
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(self._typed)
        self.field.returnPressed.connect(self._entered)
        self.list = ModelList(theme)
        self.list.chosen.connect(self.chosen)
        self.list.opened.connect(self.opened)
        self.words: QLabel = make_label(theme, "", 12.5, role="secondary")
        self.words.setWordWrap(True)
        self.folder = QPushButton("Open folder…")
        self.folder.setToolTip(
            "Open a folder with config.json, weights and tokenizer, or one with an adapter; "
            "it can also be dropped on the window"
        )
        self.folder.clicked.connect(self.folder_wanted)
        self.hub = QPushButton("Search hub")
        self.hub.clicked.connect(self.search_hub)
        buttons = QWidget()
        row = QHBoxLayout(buttons)
        row.setContentsMargins(12, 8, 12, 12)
        row.addWidget(self.folder)
        row.addWidget(self.hub)
        field = QWidget()
        above = QHBoxLayout(field)
        above.setContentsMargins(12, 10, 12, 10)
        above.addWidget(self.field)
        self.body_layout.setContentsMargins(0, 0, 0, 0)
        self.body_layout.setSpacing(0)
        self.words.setContentsMargins(14, 8, 14, 8)
        for part, stretch in ((field, 0), (self.list, 1), (self.words, 1), (buttons, 0)):
            self.body_layout.addWidget(part, stretch)
        session.library.entries_changed.connect(self._fill)
        session.library.found_changed.connect(self._fill)
        session.model_changed.connect(self._fill)
        session.second_changed.connect(self._fill)
        session.opening_changed.connect(self._fill)
        theme.changed.connect(self._tint)
        self._tint()
        self._fill()

    @Slot()
    def _tint(self) -> None:
        self.folder.setIcon(icon(self._theme, "folder"))
        self.hub.setIcon(icon(self._theme, "search"))

    @Slot()
    def search_hub(self) -> None:
        """Bring the hub to the front, ready to type."""
        self.shelf.set_index(HUB)
        self._fill()
        self.field.setFocus()

    @Slot()
    def _fill(self) -> None:
        library, shelf = self._session.library, self.shelf.index()
        if shelf == HUB:
            rows = [self._hub_row(entry) for entry in library.found]
        else:
            sources = ("bundled",) if shelf == BUNDLED else ("folder", "cache")
            rows = [self._row(entry) for entry in library.entries if entry.source in sources]
        self.field.setPlaceholderText("Name on huggingface.co, then Enter" if shelf == HUB else "Filter models")
        self.list.set_rows(rows)
        self.list.set_filter("" if shelf == HUB else self.field.text())
        self._say_empty()

    def _say_empty(self) -> None:
        """Words in place of a list without rows."""
        library, shelf, typed = self._session.library, self.shelf.index(), self.field.text().strip()
        shown = bool(self.list.rows())
        self.list.setVisible(shown)
        self.words.setVisible(not shown)
        if shelf != HUB:
            self.words.setText(f"No model here holds “{typed}”." if typed else _EMPTY[shelf])
        elif library.searching:
            self.words.setText("Searching… Without a network this can take half a minute.")
        elif library.unreachable:
            self.words.setText("The hub did not answer; the message above says why.")
        else:
            self.words.setText(f"Nothing on the hub holds “{library.sought}”." if library.sought else _EMPTY[HUB])

    def reveal(self, ref: str) -> bool:
        """Bring the shelf to the front that holds a model, and make it the current one; False while none is known."""
        entry = next((entry for entry in self._session.library.entries if entry.ref == ref), None)
        if entry is not None and ref not in [row.ref for row in self.list.rows()]:
            self.field.clear()
            self.shelf.set_index(BUNDLED if entry.source == "bundled" else COMPUTER)
            self._fill()
        self.list.set_current(ref)
        return entry is not None

    def _badge(self, ref: str) -> str:
        """The slots that a model is open in: both, where it is compared with itself."""
        models = self._session.models
        return "".join(slot for slot in "AB" if (asked := models.request(slot)) is not None and asked.ref == ref)

    def _row(self, entry: ModelEntry) -> ModelRow:
        name = entry.name.replace("\\", "/").rstrip("/").rpartition("/")[2] if entry.source == "folder" else entry.name
        kind = KIND_WORDS[entry.kind]
        detail = f"{kind}, {family_name(entry.family)}" if entry.family else kind
        detail = f"{kind}: {entry.shows}" if entry.shows else detail
        detail = entry.adapter.words if entry.adapter is not None else detail
        opening = self._session.models.opening
        state, tone = ("cannot open", "err") if entry.problem else ("ready", "ok")
        if opening is not None and opening.ref == entry.ref:
            state, tone = "opening…", "accent"
        tip = entry.problem or (entry.ref if entry.source == "folder" else "")
        return ModelRow(entry.ref, name, detail, bytes_text(entry.size), state, tone, self._badge(entry.ref), tip)

    def _hub_row(self, entry: HubEntry) -> ModelRow:
        count = f"{entry.parameters / 1e6:,.0f}M" if entry.parameters else ""
        here = any(other.ref == entry.ref and not other.problem for other in self._session.library.entries)
        state, tone = ("ready", "ok") if here else ("gated", "warn") if entry.gated else ("download", "accent")
        detail = f"{KIND_WORDS[entry.kind]}, {entry.downloads:,} downloads"
        return ModelRow(entry.ref, entry.ref, detail, count, state, tone, self._badge(entry.ref))

    @Slot(str)
    def _typed(self, text: str) -> None:
        if self.shelf.index() != HUB:
            self.list.set_filter(text)
            self._say_empty()

    @Slot()
    def _entered(self) -> None:
        text = self.field.text().strip()
        if self.shelf.index() == HUB and text:
            self._session.library.search(text)
            self._fill()
