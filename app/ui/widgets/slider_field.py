"""A number that is dragged or typed: label, slider and field, which always agree."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QMenu, QVBoxLayout, QWidget

from app.ui.theme import Theme
from app.ui.widgets.painting import focus_ring
from app.ui.widgets.slider_track import SliderTrack
from app.ui.widgets.value_scale import ValueScale

ENDLESS = 1e9
"""A bound this large is none: as many as wanted."""


class NumberEdit(QLineEdit):
    """A line edit whose wheel and up and down keys ask for steps; Escape puts the shown value back."""

    stepped = Signal(int)
    reverted = Signal()

    def wheelEvent(self, event: QWheelEvent) -> None:
        # Only while focused: a wheel that scrolls the panel must not change a setting under the pointer.
        notches = round(event.angleDelta().y() / 120)
        if self.hasFocus() and notches:
            self.stepped.emit(notches)
            event.accept()
        else:
            event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10}
        if event.key() in steps:
            self.stepped.emit(steps[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Escape and self.isModified():
            self.reverted.emit()
        else:
            super().keyPressEvent(event)


class FieldLabel(QLabel):
    """The field's name; an accent dot follows it while the value differs from the default."""

    double_clicked = Signal()

    def __init__(self, theme: Theme, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._theme = theme
        self._changed = False
        self.setFont(theme.font(12.5))

    def set_changed(self, changed: bool) -> None:
        """Show or hide the dot."""
        self._changed = changed
        self.update()

    def is_marked(self) -> bool:
        """Whether the dot is shown."""
        return self._changed

    def sizeHint(self) -> QSize:
        return super().sizeHint() + QSize(14, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._changed:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("accent"))
            left = self.fontMetrics().horizontalAdvance(self.text()) + 8
            painter.drawEllipse(QPointF(left, self.height() / 2 + 0.5), 3, 3)
            painter.end()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.double_clicked.emit()


class SliderField(QWidget):
    """`changed(value)` comes for the person's changes only; `set_value` is silent.

    `off` is the value that switches the setting off (the field then reads "off"). A logarithmic scale suits
    counts over several powers of ten, such as top-k. Double-clicking the label, Delete or Backspace on the slider, and
    the menu of both put the default back; where there is none (None: the setting is left open by default), they emit
    `cleared`.
    """

    changed = Signal(float)
    refused = Signal(str)
    """What was typed cannot be taken as it is: a sentence that says what can."""
    cleared = Signal()

    def __init__(
        self,
        theme: Theme,
        label: str,
        minimum: float,
        maximum: float,
        step: float,
        default: float | None,
        off: float | None = None,
        decimals: int = 2,
        help: str = "",  # noqa: A002 (the word of the setting's own metadata)
        logarithmic: bool = False,
        typed: tuple[float | None, float | None] = (None, None),
        significant: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._scale = ValueScale(minimum, maximum, step, decimals, off, logarithmic, *typed, significant)
        self._default = default
        self._value = float(minimum) if default is None else default
        self._help = help
        self._reason = ""
        self.label = FieldLabel(theme, label)
        self.field = NumberEdit()
        self.track = SliderTrack(theme)
        self._head = QHBoxLayout()
        self._build()
        self._show()

    def value(self) -> float:
        """The value now."""
        return self._value

    def set_value(self, value: float) -> None:
        """Show a value (rounded into the range); emits nothing."""
        self._value = self._scale.fit(value)
        self._show()

    def default(self) -> float | None:
        """The value a double click on the label puts back."""
        return self._default

    def set_default(self, default: float | None, tip: str | None = None) -> None:
        """Change the default, for instance when another preset is chosen, and what is said of it."""
        self._default = None if default is None else self._scale.fit(default)
        if tip is not None:
            self._help = tip
            self._show_help()
        self._show()

    def is_off(self) -> bool:
        """Whether the value is the one that switches the setting off."""
        return self._scale.off is not None and self._value == self._scale.off

    def add_beside_label(self, widget: QWidget) -> None:
        """Put a small control between the label and the field."""
        self._head.insertWidget(1, widget)

    def set_disabled_reason(self, reason: str) -> None:
        """Disable the field and say why in its tooltip, after what it does; "" enables it again."""
        self._reason = reason
        for part in (self.label, self.field, self.track):
            part.setEnabled(not reason)
        self._show_help()

    def menu(self) -> QMenu:
        """The way back to the default."""
        menu = QMenu(self)
        words = "Leave it open" if self._default is None else f"Put {self._scale.text(self._default)} back"
        back = menu.addAction(words)
        back.setEnabled(not self._reason and self._value != self._default)
        back.triggered.connect(self._reset)
        return menu

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.track.hasFocus() and self.track.keyboard_focus:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            focus_ring(painter, QRectF(self.rect()), self._theme.color("accent"))
            painter.end()

    def _build(self) -> None:
        name = self.label.text()
        self.field.setFont(self._theme.font(12, mono=True))
        self.field.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.field.setFixedHeight(24)
        self.field.setProperty("compact", True)
        # 58 px as drawn, wider only where the longest number needs it.
        longest = QFontMetrics(self.field.font()).horizontalAdvance(self._scale.text(self._scale.maximum))
        self.field.setFixedWidth(max(58, longest + 18))
        self.field.setAccessibleName(f"{name}, number")
        self.track.setAccessibleName(name)
        self.label.setBuddy(self.field)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(5, 3, 5, 2)
        layout.setSpacing(0)
        layout.addLayout(self._head)
        layout.addWidget(self.track)
        self._head.setSpacing(0)
        self._head.addWidget(self.label)
        self._head.addStretch(1)
        self._head.addWidget(self.field)
        self.label.double_clicked.connect(self._reset)
        self.field.editingFinished.connect(self._on_typed)
        self.field.reverted.connect(self._show)
        self.field.stepped.connect(self._on_stepped)
        self.track.stepped.connect(self._on_stepped)
        self.track.dragged.connect(self._on_dragged)
        self.track.jumped.connect(self._on_jumped)
        self.track.reset_wanted.connect(self._reset)
        self.track.focus_changed.connect(self._on_theme)
        self._theme.changed.connect(self._on_theme)
        self._show_help()

    def _change(self, value: float) -> None:
        value = self._scale.fit(value)
        differs = value != self._value
        self._value = value
        self._show()
        if differs:
            self.changed.emit(value)

    @Slot()
    def _show(self) -> None:
        self.field.setText(self._scale.text(self._value))
        self.label.set_changed(self._value != self._default)
        tick = None if self._default is None else self._scale.fraction(self._default)
        self.track.show_place(self._scale.fraction(self._value), tick, self.is_off())
        self._grey_when_off()

    def _grey_when_off(self) -> None:
        off = self.is_off()
        if self.field.property("off") != off:
            self.field.setProperty("off", off)
            self.label.setProperty("role", "caption" if off else "")
            # Properties are read by the style sheet only when a widget is polished.
            for part in (self.field, self.label):
                part.style().polish(part)

    def _show_help(self) -> None:
        tip = "\n".join(part for part in (self._help, self._reason) if part)
        reset = "" if self._reason else "\nDouble-click, or Delete on the slider, puts the default back."
        by_keys = "" if self._reason else "\nDelete on the slider, or the right button's menu, puts the default back."
        self.label.setToolTip(f"{tip}{reset}".strip())
        self.track.setToolTip(f"{tip}{by_keys}".strip())
        self.field.setToolTip(f"{tip}{by_keys}".strip())
        self.track.setAccessibleDescription(tip)

    @Slot()
    def _reset(self) -> None:
        if self._default is None:
            self.cleared.emit()
        else:
            self._change(self._default)

    @Slot()
    def _on_typed(self) -> None:
        if self.field.text() == self._scale.text(self._value):
            return
        typed = self.field.text()
        value = self._scale.parse(typed)
        fits = value is not None and self._scale.takes(value)
        self._change(self._value if value is None else value)
        if not fits:
            self.refused.emit(self._refusal(typed))

    def _refusal(self, typed: str) -> str:
        low, high = (f"{bound:,.12g}".replace("-", "−") for bound in self._scale.bounds)
        off = ", or off" if self._scale.off is not None else ""
        beyond = "up" if self._scale.bounds[1] >= ENDLESS else f"to {high}"
        return (
            f"“{typed}” does not fit: {self.label.text()} goes from {low} {beyond}{off}. It is {self.field.text()} now."
        )

    @Slot(int)
    def _on_stepped(self, steps: int) -> None:
        self._change(self._scale.stepped(self._value, steps))

    @Slot(float)
    def _on_dragged(self, place: float) -> None:
        self._change(self._scale.at(place))

    @Slot(bool)
    def _on_jumped(self, to_end: bool) -> None:
        self._change(self._scale.at(1.0 if to_end else 0.0))

    @Slot()
    def _on_theme(self) -> None:
        self.label.update()
        self.track.update()
        self.update()
