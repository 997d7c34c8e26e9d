"""Controls for settings that no slider fits: numbers that may be left open, choices, switches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QSizePolicy, QWidget

from app.engine.decode.settings import Knob
from app.ui.pages.finetune.setting_words import range_words, tip_of
from app.ui.theme import Theme
from app.ui.widgets.slider_field import ENDLESS, FieldLabel, NumberEdit, SliderField
from app.ui.widgets.value_scale import figures

LOGARITHMIC = ("rank", "alpha", "learning_rate", "batch_size", "max_steps")
_RESET = " Double-click to put the default back."
_WIDTH = 76
_MINUS = "−"


def slider_of(theme: Theme, name: str, knob: Knob, default: Any) -> SliderField:
    """The slider of a number."""
    low, high = knob.slider or (knob.minimum or 0, knob.maximum or 1)
    whole = default is None or isinstance(default, int)
    made = SliderField(
        theme,
        knob.label,
        low,
        high,
        knob.step or 1,
        default,
        off=knob.off,
        decimals=0,
        help=tip_of(knob, default),
        logarithmic=name in LOGARITHMIC,
        typed=(knob.minimum, ENDLESS if knob.maximum is None else knob.maximum),
        significant=not whole,
    )
    made.setObjectName(name)
    return made


class LabelledField(QWidget):
    """A label with the dot of a changed value, and a control at the right. `changed(value)` is the person's doing."""

    changed = Signal(object)

    def __init__(self, theme: Theme, knob: Knob, default: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._knob, self._default = theme, knob, default
        self._value = default
        self._reason, self._tip = "", tip_of(knob, default)
        self.label = FieldLabel(theme, knob.label)
        self.label.double_clicked.connect(self._reset)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(5, 2, 5, 2)
        self._row.setSpacing(4)
        self._row.addWidget(self.label)

    def value(self) -> Any:
        """The value now."""
        return self._value

    def set_value(self, value: Any) -> None:
        """Show a value; emits nothing."""
        self._value = value
        self.label.set_changed(value != self._default)
        self._show()

    def set_default(self, default: Any, tip: str) -> None:
        """Change the default and what is said of it; the value stays."""
        self._default, self._tip = default, tip
        self._say_tips()
        self.set_value(self._value)

    def set_disabled_reason(self, reason: str) -> None:
        """Disable the control and say why in its tooltip; '' enables it again."""
        self._reason = reason
        self.label.setEnabled(not reason)
        self._control().setEnabled(not reason)
        self._say_tips()

    def _finish(self, stretch: bool = True) -> None:
        """Put the control behind the label, once it is made."""
        if stretch:
            self._row.addStretch(1)
        self._row.addWidget(self._control())
        self.label.setBuddy(self._control())
        self._control().setAccessibleName(self._knob.label)
        self._say_tips()
        self.set_value(self._value)

    def _say_tips(self) -> None:
        tip = self._reason or self._tip
        self.label.setToolTip(tip if self._reason else tip + _RESET)
        self._control().setToolTip(tip)
        self._control().setAccessibleDescription(tip)

    def _control(self) -> QWidget:
        raise NotImplementedError

    def _show(self) -> None:
        raise NotImplementedError

    def _change(self, value: Any) -> None:
        differs = value != self._value
        self.set_value(value)
        if differs:
            self.changed.emit(value)

    @Slot()
    def _reset(self) -> None:
        if not self._reason:
            self._change(self._default)


class NumberField(LabelledField):
    """A number that is typed. Where its default is None it may be left empty; `empty` says what that means.

    A share may be shown as a percentage. What cannot be is refused, and the number stays.
    """

    refused = Signal(str)
    """A sentence that says what can be typed."""

    def __init__(
        self,
        theme: Theme,
        knob: Knob,
        default: float | None,
        empty: str = "",
        percent: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, knob, default, parent)
        self._percent = percent
        self.field = NumberEdit()
        self.field.setFont(theme.font(12, mono=True))
        self.field.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.field.setProperty("compact", True)
        self.field.setFixedSize(58 if percent else _WIDTH, 24)
        self.field.setPlaceholderText(empty)
        self.field.editingFinished.connect(self._typed)
        self.field.reverted.connect(self._show_again)
        self.field.stepped.connect(self._stepped)
        self._finish(stretch=not percent)

    def text_of(self, value: float | None) -> str:
        """What the field shows for a value."""
        if value is None:
            return ""
        if self._percent:
            return f"{figures(round(100 * value, 6))}%"
        return f"{value:,}"

    def _control(self) -> QWidget:
        return self.field

    def _show(self) -> None:
        self.field.setText(self.text_of(self._value))

    @Slot()
    def _show_again(self) -> None:
        self._show()

    @Slot()
    def _typed(self) -> None:
        typed = self.field.text().strip()
        if typed == self.text_of(self._value):
            return
        if not typed and self._default is None:
            self._change(None)
            return
        value = self._parsed(typed)
        if value is None or not self._fits(value):
            self._show()
            self.refused.emit(self._refusal(typed))
        else:
            self._change(value)
            self._show()

    def _parsed(self, typed: str) -> float | None:
        cleaned = typed.replace(_MINUS, "-").replace(" ", "").removesuffix("%")
        try:
            if self._percent:
                share = float(cleaned.replace(",", ".")) / 100
                return round(share, 8) if math.isfinite(share) else None
            # Not through a float, which would round a long seed.
            return int(cleaned.replace(",", ""))
        except ValueError:
            return None

    def _fits(self, value: float) -> bool:
        low, high = self._knob.minimum, self._knob.maximum
        return (low is None or value >= low) and (high is None or value <= high)

    def _refusal(self, typed: str) -> str:
        span = range_words(self._knob)
        if self._percent:
            span = f"{self.text_of(self._knob.minimum)} to {self.text_of(self._knob.maximum)}"
        span = f"from {span}" if " to " in span else f"a whole number, {span}"
        may_be_empty = ", or empty" if self._default is None else ""
        now = self.text_of(self._value) or "empty"
        verb = "goes" if span.startswith("from") else "is"
        return f"“{typed}” does not fit: {self._knob.label} {verb} {span}{may_be_empty}. It is {now} now."

    @Slot(int)
    def _stepped(self, steps: int) -> None:
        step, span = self._knob.step or 1, self._knob.slider or (0, 1)
        value = span[0] if self._value is None else self._value + steps * step
        value = min(max(value, self._knob.minimum or 0), span[1] if self._knob.maximum is None else self._knob.maximum)
        self._change(round(value, 8) if self._percent else int(value))


class ChoiceField(LabelledField):
    """One of a few values, each with its words."""

    def __init__(
        self, theme: Theme, knob: Knob, default: str, choices: Sequence[tuple[str, str]], parent: QWidget | None = None
    ) -> None:
        super().__init__(theme, knob, default, parent)
        self.combo = QComboBox()
        for value, words in choices:
            self.combo.addItem(words, value)
        self.combo.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.combo.activated.connect(self._activated)
        self._finish()

    def _control(self) -> QWidget:
        return self.combo

    def _show(self) -> None:
        self.combo.setCurrentIndex(self.combo.findData(self._value))

    @Slot(int)
    def _activated(self, index: int) -> None:
        self._change(self.combo.itemData(index))


class CheckField(LabelledField):
    """A switch; its dot stands where the others have theirs."""

    def __init__(self, theme: Theme, knob: Knob, default: bool, parent: QWidget | None = None) -> None:
        super().__init__(theme, knob, default, parent)
        self.box = QCheckBox()
        self.box.toggled.connect(self._toggled)
        self._finish()

    def _control(self) -> QWidget:
        return self.box

    def _show(self) -> None:
        self.box.blockSignals(True)
        self.box.setChecked(self._value)
        self.box.blockSignals(False)

    @Slot(bool)
    def _toggled(self, checked: bool) -> None:
        self._change(checked)
