"""How the model is finetuned: the settings, what they take, and the button that starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.engine.errors import UserError
from app.engine.finetune.records import Costs
from app.engine.finetune.settings import METHODS, FinetuneSettings, knobs
from app.ui.icons import icon
from app.ui.pages.finetune.costs_view import CostsView
from app.ui.pages.finetune.more_settings import Field, MoreSettings
from app.ui.pages.finetune.run_length import RunLength
from app.ui.pages.finetune.setting_fields import NumberField, slider_of
from app.ui.pages.finetune.setting_words import tip_of
from app.ui.pages.finetune.target_checks import TargetChecks
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label, make_rule
from app.ui.widgets.paired import Paired
from app.ui.widgets.panel import Panel
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.slider_field import SliderField

_SLIDERS = ("rank", "alpha", "learning_rate", "dropout", "batch_size")
_ELSEWHERE = ("held_out", "prompts")
"""Settings that other panels show: resetting leaves them as they are."""
_IDLE = "A full finetune changes the weights themselves; only LoRA has this"
_NO_HELD_OUT = "Nothing is held out, so there is no loss to stop by"


class MethodPanel(Panel):
    """`changed(FinetuneSettings)` comes with every change that the person makes, `refused` when one cannot be.

    `start` is the primary button, `base` opens what an adapter stands on; what they do is the page's.
    """

    changed = Signal(object)
    refused = Signal(object)
    """A UserError: what was typed cannot be used."""
    place_wanted = Signal()
    """Runs are to be kept in another folder."""

    def __init__(
        self, theme: Theme, settings: FinetuneSettings | None = None, start: FinetuneSettings | None = None
    ) -> None:
        super().__init__(theme, "Method")
        self._start_settings = start or FinetuneSettings()
        self._settings = settings or self._start_settings
        self._knobs = knobs()
        self.method = Segmented(theme, ("LoRA", "Full finetune"), "Method")
        self.method.setToolTip(self._knobs["method"].help)
        self.method.changed.connect(self._method_chosen)
        self.add_header_widget(self.method)
        self.fields: dict[str, Field] = {
            name: slider_of(theme, name, self._knobs[name], getattr(self._start_settings, name)) for name in _SLIDERS
        }
        self.length = RunLength(theme, self._knobs, self._start_settings.epochs)
        self.targets = TargetChecks(
            theme, self._knobs["targets"].label, tip_of(self._knobs["targets"], self._start_settings.targets)
        )
        self.targets.hide()
        self.more = MoreSettings(theme, self._knobs, self._start_settings)
        self.more.hide()
        self.fields.update(self.more.fields)
        self.fold = QPushButton()
        self.fold.setProperty("kind", "link")
        self.fold.setToolTip("Settings that are seldom changed")
        self.fold.clicked.connect(self._fold_pressed)
        self.reset = QPushButton("Reset all")
        self.reset.setProperty("kind", "link")
        self.reset.setToolTip("Put every setting of this panel back to its default")
        self.reset.clicked.connect(self._reset)
        self.costs = CostsView(theme)
        self.words = make_label(theme, "", 12, role="caption")
        self.words.setWordWrap(True)
        self.place = QPushButton()
        self.place.setProperty("kind", "link")
        self.place.clicked.connect(self.place_wanted)
        self.place.hide()
        self.base = QPushButton("Open its base")
        self.base.hide()
        self.start = QPushButton("Start")
        self.start.setProperty("kind", "primary")
        self._build()
        self._connect()
        self.set_settings(self._settings)
        self.set_place("")
        self.set_state(False, "")

    def _build(self) -> None:
        inner = QWidget()
        inner.setProperty("role", "page")
        column = QVBoxLayout(inner)
        column.setContentsMargins(8, 4, 8, 6)
        column.setSpacing(2)
        *first, batch_size = (self.fields[name] for name in _SLIDERS)
        column.addWidget(Paired([*first, self.length, batch_size]))
        column.addLayout(_indented(self.targets))
        column.addWidget(self.more)
        column.addWidget(self.place, 0, Qt.AlignmentFlag.AlignLeft)
        row = QHBoxLayout()
        row.setContentsMargins(3, 0, 3, 0)
        row.addWidget(self.fold)
        row.addStretch(1)
        row.addWidget(self.reset)
        column.addLayout(row)
        column.addWidget(make_rule())
        column.addSpacing(2)
        column.addLayout(_indented(self.costs))
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        footer = QHBoxLayout()
        footer.setContentsMargins(12, 8, 8, 8)
        footer.setSpacing(8)
        footer.addWidget(self.words, 1)
        # Beside the button, where it is in sight however far the settings are scrolled.
        footer.addWidget(self.costs.time, 1)
        footer.addWidget(self.base)
        footer.addWidget(self.start)
        self.body_layout.setContentsMargins(0, 0, 0, 0)
        self.body_layout.setSpacing(0)
        self.body_layout.addWidget(scroll, 1)
        self.body_layout.addWidget(make_rule())
        self.body_layout.addLayout(footer)

    def _connect(self) -> None:
        for field in self.fields.values():
            field.changed.connect(self._moved)
            if isinstance(field, SliderField | NumberField):
                field.refused.connect(self._not_fitting)
        for slider in (self.length.steps, self.length.epochs):
            slider.refused.connect(self._not_fitting)
        self.length.steps_chosen.connect(self._steps_chosen)
        self.length.epochs_chosen.connect(self._epochs_chosen)
        self.targets.chosen.connect(self._targets_chosen)
        self.targets.refused.connect(self._not_fitting)
        self._theme.changed.connect(self._restyle)

    def settings(self) -> FinetuneSettings:
        """What is shown."""
        return self._settings

    def set_settings(self, settings: FinetuneSettings) -> None:
        """Show settings that were chosen elsewhere; emits nothing."""
        self._settings = settings
        self.method.set_index(METHODS.index(settings.method))
        for name, field in self.fields.items():
            field.set_value(getattr(settings, name))
            field.set_disabled_reason(self._idle(name))
        self.length.set_value(settings.max_steps, settings.epochs)
        self.targets.set_value(settings.targets)
        self.targets.set_disabled_reason(self._idle("targets"))
        self.reset.setEnabled(settings != self._reset_settings())
        self._show_fold()

    def set_start(self, start: FinetuneSettings, reasons: Mapping[str, str]) -> None:
        """Other defaults, and a sentence for each that says why it is what it is; what is chosen stays."""
        self._start_settings = start
        for name, field in self.fields.items():
            tip = tip_of(self._knobs[name], getattr(start, name), reasons.get(name, ""))
            field.set_default(getattr(start, name), tip)
        epochs = tip_of(self._knobs["epochs"], start.epochs, reasons.get("epochs", ""))
        self.length.epochs.set_default(start.epochs, epochs)
        self.set_settings(self._settings)

    def set_target_groups(self, groups: Sequence[tuple[str, tuple[str, ...]]]) -> None:
        """Offer the open model's groups of linear layers, words and modules; emits nothing. The settings say which are
        chosen."""
        self.targets.set_groups(groups)
        self.targets.setVisible(bool(groups))

    def show_costs(self, costs: Costs | None) -> None:
        """Show what a run with these settings takes; None while that is not known."""
        self.costs.show_costs(costs)
        if costs is not None and self._settings.max_steps is None:
            self.length.set_known_steps(costs.steps)
        self._fit_footer()

    def _fit_footer(self) -> None:
        """Beside the button stands why it cannot be pressed, else how long a run takes."""
        self.words.setVisible(bool(self.words.text()))
        self.costs.time.setVisible(not self.words.text() and bool(self.costs.time.text()))

    def set_state(self, running: bool, words: str) -> None:
        """Whether a run is on, which keeps the button from starting another, and a sentence beside it."""
        self.start.setEnabled(not running)
        self.start.setText("Training…" if running else "Start")
        self.start.setToolTip(words if running else "Train the open model on these examples (Ctrl+Enter)")
        self.words.setText(words)
        self._fit_footer()

    def set_base(self, name: str) -> None:
        """Offer to open the base of a model that carries an adapter; '' for any other."""
        self.base.setVisible(bool(name))
        self.base.setToolTip(f"Open {name} in the place of this model; the run's result stays in its folder")

    def set_place(self, folder: str) -> None:
        """Show in which folder a run gets one of its own; '' for none."""
        name = folder.replace("\\", "/").rstrip("/").rpartition("/")[2]
        self.place.setText(f"Kept in {name}…" if folder else "Choose where runs are kept…")
        self.place.setToolTip(
            f"Every run gets a folder of its own in {folder}; press to choose another" if folder else ""
        )

    def _change(self, **changes: Any) -> None:
        try:
            settings = replace(self._settings, **changes)
        except UserError as error:
            self.refused.emit(error)
            self.set_settings(self._settings)
            return
        if settings != self._settings:
            self.set_settings(settings)
            self.changed.emit(settings)

    def _idle(self, name: str) -> str:
        """Why a setting does nothing as things stand, '' where it acts."""
        if self._settings.method not in self._knobs[name].methods:
            return _IDLE
        return _NO_HELD_OUT if name == "patience" and not self._settings.held_out else ""

    def _reset_settings(self) -> FinetuneSettings:
        return replace(self._start_settings, **{name: getattr(self._settings, name) for name in _ELSEWHERE})

    def _show_fold(self) -> None:
        """What is folded away is not forgotten: its changes are counted."""
        changed = sum(getattr(self._settings, name) != getattr(self._start_settings, name) for name in self.more.fields)
        folded = self.more.isHidden()
        count = f" ({changed} changed)" if changed and folded else ""
        self.fold.setText(f"More settings{count}" if folded else "Fewer settings")
        self.fold.setIcon(icon(self._theme, "chevron-down" if folded else "chevron-up", "accent", 14))

    @Slot()
    def _fold_pressed(self) -> None:
        self.more.setVisible(self.more.isHidden())
        self.place.setVisible(not self.more.isHidden())
        self._show_fold()

    @Slot()
    def _restyle(self) -> None:
        self._show_fold()

    @Slot(str)
    def _not_fitting(self, words: str) -> None:
        self.refused.emit(UserError(words))

    @Slot(float)
    @Slot(object)
    def _moved(self, value: Any) -> None:
        name = self.sender().objectName()
        default = getattr(self._start_settings, name)
        whole = isinstance(default, int) and not isinstance(default, bool)
        self._change(**{name: round(value) if whole else value})

    @Slot(int)
    def _method_chosen(self, index: int) -> None:
        self._change(method=METHODS[index])

    @Slot(object)
    def _steps_chosen(self, steps: int | None) -> None:
        self._change(max_steps=steps)

    @Slot(float)
    def _epochs_chosen(self, epochs: float) -> None:
        self._change(epochs=epochs)

    @Slot(object)
    def _targets_chosen(self, targets: str | tuple[str, ...]) -> None:
        self._change(targets=targets)

    @Slot()
    def _reset(self) -> None:
        wanted = self._reset_settings()
        self._change(**{field.name: getattr(wanted, field.name) for field in fields(FinetuneSettings)})


def _indented(widget: QWidget) -> QHBoxLayout:
    """The widget in line with the sliders' labels."""
    row = QHBoxLayout()
    row.setContentsMargins(5, 0, 5, 0)
    row.addWidget(widget)
    return row
