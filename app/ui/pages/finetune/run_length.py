"""How long a run is: so many steps, or so many times over the examples."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QMenu, QPushButton, QStackedWidget, QWidget

from app.engine.decode.settings import Knob
from app.ui.pages.finetune.setting_fields import slider_of
from app.ui.theme import Theme
from app.ui.widgets.slider_field import SliderField

_USUAL = 200
"""Steps to begin with where it is not known how many the epochs make."""


class RunLength(QStackedWidget):
    """One of two sliders; a small menu beside its name chooses which. `steps_chosen` comes with None for epochs."""

    steps_chosen = Signal(object)
    epochs_chosen = Signal(float)

    def __init__(self, theme: Theme, knobs: Mapping[str, Knob], epochs: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._known = 0
        self.steps = slider_of(theme, "max_steps", knobs["max_steps"], None)
        self.epochs = slider_of(theme, "epochs", knobs["epochs"], epochs)
        self.menu = QMenu(self)
        self.menu.addAction("Steps").triggered.connect(self._steps_wanted)
        self.menu.addAction("Epochs").triggered.connect(self._epochs_wanted)
        self.choosers = (self._add_chooser(self.epochs), self._add_chooser(self.steps))
        self.steps.changed.connect(self._steps_moved)
        self.steps.cleared.connect(self._epochs_wanted)
        self.epochs.changed.connect(self.epochs_chosen)

    def set_value(self, steps: int | None, epochs: float) -> None:
        """Show this length; emits nothing."""
        self.setCurrentWidget(self.epochs if steps is None else self.steps)
        self.epochs.set_value(epochs)
        if steps is not None:
            self.steps.set_value(steps)

    def set_known_steps(self, steps: int) -> None:
        """How many steps the epochs make: what counting in steps begins with."""
        self._known = steps

    def _add_chooser(self, field: SliderField) -> QPushButton:
        chooser = QPushButton()
        chooser.setProperty("kind", "link")
        chooser.setToolTip("Count in steps or in epochs")
        chooser.setAccessibleName("Count in steps or in epochs")
        chooser.setMenu(self.menu)
        chooser.setFixedSize(26, 24)
        field.add_beside_label(chooser)
        self.addWidget(field)
        return chooser

    @Slot()
    def _steps_wanted(self) -> None:
        if self.currentWidget() is not self.steps:
            self.steps_chosen.emit(self._known or _USUAL)

    @Slot()
    def _epochs_wanted(self) -> None:
        self.steps_chosen.emit(None)

    @Slot(float)
    def _steps_moved(self, steps: float) -> None:
        self.steps_chosen.emit(round(steps))
