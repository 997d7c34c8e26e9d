"""Which layers get LoRA's matrices, by what they do."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QWidget

from app.engine.finetune.settings import ALL_LINEAR, OUTSIDE
from app.ui.theme import Theme
from app.ui.widgets.flow_row import FlowRow
from app.ui.widgets.slider_field import FieldLabel

Targets = str | tuple[str, ...]


class TargetChecks(FlowRow):
    """A check box for each group of modules. All those in the blocks together are "all-linear", the default."""

    chosen = Signal(object)
    """`Targets`."""
    refused = Signal(str)

    def __init__(self, theme: Theme, name: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(gap=12, parent=parent)
        self._theme, self._tip = theme, tip
        self._reason = ""
        self._targets: Targets = ALL_LINEAR
        self._groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
        self.boxes: list[QCheckBox] = []
        self.label = FieldLabel(theme, name)
        self.label.setFixedHeight(24)
        self.label.double_clicked.connect(self._reset)
        self.add(self.label)
        self._say_tips()

    def set_groups(self, groups: Sequence[tuple[str, tuple[str, ...]]]) -> None:
        """Offer these: words and modules; emits nothing. What is chosen stays."""
        self._groups = tuple(groups)
        for box in self.boxes:
            self.remove(box)
        self.boxes = []
        for words, _ in groups:
            box = QCheckBox(words)
            box.clicked.connect(self._clicked)
            self.add(box)
            self.boxes.append(box)
        self._show()
        self._say_tips()

    def set_value(self, targets: Targets) -> None:
        """Show what is adapted; a group that is so only in part is not checked and says how much of it is."""
        self._targets = targets
        self._show()

    def set_disabled_reason(self, reason: str) -> None:
        """Disable the boxes and say why; '' enables them again."""
        self._reason = reason
        self._say_tips()

    def _show(self) -> None:
        for box, (words, modules) in zip(self.boxes, self._groups, strict=True):
            every = self._targets == ALL_LINEAR and self._in_blocks(words)
            held = [name for name in modules if every or name in self._targets]
            box.setChecked(len(held) == len(modules))
            box.setText(words if len(held) in (0, len(modules)) else f"{words} ({len(held)} of {len(modules)})")
        self.label.set_changed(self._targets != ALL_LINEAR)

    def _say_tips(self) -> None:
        self.label.setEnabled(not self._reason)
        self.label.setToolTip(self._reason or f"{self._tip} Double-click to put the default back.")
        for box, (_, modules) in zip(self.boxes, self._groups, strict=True):
            box.setEnabled(not self._reason)
            box.setToolTip(self._reason or f"{', '.join(modules)}\n{self._tip}")

    def _in_blocks(self, words: str) -> bool:
        """Whether a group belongs to "all-linear"."""
        return words != OUTSIDE or len(self._groups) == 1

    def _checked(self) -> Targets:
        if all(
            box.isChecked() == self._in_blocks(words) for box, (words, _) in zip(self.boxes, self._groups, strict=True)
        ):
            return ALL_LINEAR
        chosen = (modules for box, (_, modules) in zip(self.boxes, self._groups, strict=True) if box.isChecked())
        return tuple(dict.fromkeys(name for modules in chosen for name in modules))

    @Slot()
    def _clicked(self) -> None:
        wanted = self._checked()
        if not wanted:
            self._show()
            self.refused.emit("LoRA needs at least one group of layers to adapt.")
            return
        self._targets = wanted
        self._show()
        self.chosen.emit(wanted)

    @Slot()
    def _reset(self) -> None:
        if not self._reason and self._targets != ALL_LINEAR:
            self.set_value(ALL_LINEAR)
            self.chosen.emit(ALL_LINEAR)
