"""One model before it is loaded: where it will run, in which precision, whether it fits."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QGridLayout, QPushButton, QWidget

from app.engine.errors import UserError
from app.engine.models.records import Estimate, HubEntry, ModelEntry
from app.session.session import Session
from app.ui.family_names import family_name
from app.ui.pages.model.sources_panel import KIND_WORDS
from app.ui.theme import Theme
from app.ui.widgets.choice_cards import ChoiceCards
from app.ui.widgets.labels import make_label
from app.ui.widgets.memory_bar import MemoryBar, bytes_text
from app.ui.widgets.panel import Panel

PRECISIONS = (
    ("auto", "Auto", "fits device"),
    ("fp32", "fp32", "exact"),
    ("bf16", "bf16", "half size"),
    ("fp16", "fp16", "half size"),
)


class LoadPanel(Panel):
    """Asks for an estimate whenever something is chosen. `load_wanted(slot)` for the buttons."""

    load_wanted = Signal(str)

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, "Model")
        self._session = session
        self.ref = ""
        self.as_b = QPushButton("Load as B")
        self.as_b.setToolTip("Open it beside model A")
        self.as_b.clicked.connect(self._b_pressed)
        self.as_a = QPushButton("Load")
        self.as_a.setProperty("kind", "primary")
        self.as_a.setToolTip("Open it as model A, which every page shows")
        self.as_a.clicked.connect(self._a_pressed)
        self.add_header_widget(self.as_b)
        self.add_header_widget(self.as_a)
        self.devices = ChoiceCards(theme, "Device")
        self.devices.set_choices([("auto", "Auto", "looking…", True)], "auto")
        self.devices.chosen.connect(self.ask)
        self.precisions = ChoiceCards(theme, "Precision")
        self.precisions.set_choices([(*words, True) for words in PRECISIONS], "auto")
        self.precisions.chosen.connect(self.ask)
        self.memory = MemoryBar(theme)
        self.note = make_label(theme, "", 12, role="caption")
        self.note.setWordWrap(True)
        self.note.hide()
        choices = QWidget()
        grid = QGridLayout(choices)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(6)
        for column, (words, cards) in enumerate((("Device", self.devices), ("Precision", self.precisions))):
            grid.addWidget(make_label(theme, words, 12, role="secondary"), 0, column)
            grid.addWidget(cards, 1, column)
            grid.setColumnStretch(column, 1)
        self.body_layout.addWidget(choices)
        self.body_layout.addWidget(self.memory)
        self.body_layout.addWidget(self.note)
        library = session.library
        library.devices_changed.connect(self._show_devices)
        library.estimated.connect(self._estimated)
        library.not_estimated.connect(self._not_estimated)
        session.model_changed.connect(self._name_buttons)
        session.second_changed.connect(self._name_buttons)

    def look_at(self, ref: str) -> None:
        """Make this model the one to load."""
        if ref != self.ref:
            self.ref = ref
            self.refresh()

    def refresh(self) -> None:
        """Say again what is known of the model, after models were listed."""
        library, ref = self._session.library, self.ref
        entry = next((entry for entry in library.entries if entry.ref == ref), None)
        found = next((found for found in library.found if found.ref == ref), None)
        self.set_title(ref.replace("\\", "/").rstrip("/").rpartition("/")[2] or ref)
        self.set_subtitle(_subtitle(ref, entry, found))
        self._name_buttons()
        self.ask()

    @Slot()
    def ask(self) -> None:
        """Ask what it would take as chosen now."""
        if not self.ref:
            return
        here = any(entry.ref == self.ref for entry in self._session.library.entries)
        if not here and not self.ref.startswith(("/", "~", ".")) and ":" not in self.ref:
            self.memory.set_estimate(None, "known once it is downloaded")
            return
        self.memory.set_estimate(None, "counting…")
        self._session.library.estimate(self.ref, self.device, self.precision)

    @property
    def device(self) -> str:
        """The device chosen."""
        return self.devices.current() or "auto"

    @property
    def precision(self) -> str:
        """The precision chosen."""
        return self.precisions.current() or "auto"

    @Slot()
    def _show_devices(self) -> None:
        found = self._session.library.devices
        if found is None:
            return
        chosen = next((device for device in found.found if device.ref.startswith(found.chosen)), found.found[-1])
        choices = [("auto", "Auto", f"{_device_name(chosen.ref)} here", True)]
        choices += [
            (device.ref, _device_name(device.ref), f"{bytes_text(device.free)} free", True) for device in found.found
        ]
        if not any(device.ref.startswith("cuda") for device in found.found):
            choices.append(("cuda", "GPU", "none found", False))
        self.devices.set_choices(choices, self.device)
        self.note.setText(found.note)
        self.note.setVisible(bool(found.note))

    @Slot(object)
    def _estimated(self, made: Estimate) -> None:
        if made.name == self.ref:
            self.memory.set_estimate(made)

    @Slot(object)
    def _not_estimated(self, error: BaseException) -> None:
        self.memory.set_estimate(None, error.fact if isinstance(error, UserError) else str(error))

    @Slot()
    def _name_buttons(self) -> None:
        a = self._session.models.request("A")
        self.as_a.setText("Reload" if a is not None and a.ref == self.ref else "Load")
        self.as_b.setEnabled(self._session.summary is not None)

    @Slot()
    def _a_pressed(self) -> None:
        self.load_wanted.emit("A")

    @Slot()
    def _b_pressed(self) -> None:
        self.load_wanted.emit("B")


def _device_name(ref: str) -> str:
    return {"cpu": "CPU", "mps": "Apple GPU", "cuda:0": "GPU"}.get(ref, ref.replace("cuda:", "GPU "))


def _subtitle(ref: str, entry: ModelEntry | None, found: HubEntry | None) -> str:
    if entry is not None:
        words = [
            entry.adapter.words if entry.adapter is not None else "",
            entry.family and f"{family_name(entry.family)} architecture",
            KIND_WORDS[entry.kind] if entry.kind or entry.adapter is None else "",
            bytes_text(entry.size),
        ]
        return ", ".join(word for word in words if word)
    return f"{KIND_WORDS[found.kind]}, on the hub" if found is not None else ref
