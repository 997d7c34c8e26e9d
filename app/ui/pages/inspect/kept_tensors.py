"""Tensors that are kept by name until they are written into one file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from app.session.session import Session
from app.session.state import LENS_MAP, block_of, is_mask, stack_of
from app.ui.actions import bound
from app.ui.widgets.save_dialog import ask_where


class KeptTensors(QObject):
    """Adds its entries to the menu of a picture; what is written is the whole tensor, computed anew where needed."""

    said = Signal(str)
    """A sentence: what is kept now."""

    def __init__(self, session: Session, over: QWidget) -> None:
        super().__init__(over)
        self._session, self._over = session, over
        self.names: list[str] = []
        session.model_changed.connect(self._model_changed)

    def add_to(self, menu: QMenu) -> None:
        """Entries for the tensor that is chosen, for its block and for those kept before."""
        name = self._session.selection.name
        menu.addSeparator()
        entry = QAction("Keep this tensor for a file", menu)
        entry.setEnabled(name not in self.names and name != LENS_MAP and not is_mask(name))
        entry.triggered.connect(bound(self.keep, name))
        menu.addAction(entry)
        if self.names:
            many = f"{len(self.names)} kept tensor{'s' if len(self.names) > 1 else ''}"
            menu.addAction(f"Save {many} as safetensors…").triggered.connect(bound(self._ask_where, (), "tensors"))
            menu.addAction(f"Forget {many}").triggered.connect(self.names.clear)
        if (block := block_of(name)) is not None:
            inside = self._of_block(f"{stack_of(name)}blocks.{block}.")
            words = f"Save all {len(inside)} tensors of block {block} as safetensors…"
            menu.addAction(words).triggered.connect(bound(self._ask_where, inside, f"block-{block}"))

    def keep(self, name: str) -> None:
        """Keep one more."""
        self.names.append(name)
        self.said.emit(f"{len(self.names)} kept for a file: {', '.join(self.names)}. Save them from the same menu.")

    def save(self, names: tuple[str, ...], path: Path) -> None:
        """Write tensors into one file; without names those that are kept."""
        self._session.inspection.save_tensors(names or tuple(self.names), path)

    def _of_block(self, prefix: str) -> tuple[str, ...]:
        infos = self._session.inspection.infos
        return tuple(name for name, info in infos.items() if name.startswith(prefix) and not info.absent)

    def _ask_where(self, names: tuple[str, ...], stem: str) -> None:
        path = ask_where(self._over, stem, "safetensors", "Safetensors")
        if path is not None:
            self.save(names, path)

    @Slot()
    def _model_changed(self) -> None:
        """Another model has other names."""
        self.names.clear()
