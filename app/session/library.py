"""What can be opened and where: models on this machine, those found on the hub, devices, memory estimates."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot

from app.engine.models.records import Devices, Estimate, HubEntry, ModelEntry
from app.jobs.board import Board
from app.session import shelves
from app.session.models import FILES_LANE, OpenModels

HUB_LANE = "hub"
"""Searching waits for the network, which must not hold up files."""


class Library(QObject):
    """Reads on request; every answer comes by a signal."""

    entries_changed = Signal()
    devices_changed = Signal()
    estimated = Signal(object)
    """An Estimate, for the request made last."""
    not_estimated = Signal(object)
    """Why there is none."""
    found_changed = Signal()
    search_failed = Signal(object)

    def __init__(self, board: Board, models: OpenModels) -> None:
        super().__init__()
        self._board, self._models = board, models
        self.entries: tuple[ModelEntry, ...] = ()
        self.devices: Devices | None = None
        self.found: tuple[HubEntry, ...] = ()
        self.searching = False
        self.sought = ""
        """What was searched for last, '' before the first search."""
        self.unreachable = False
        """The last search failed."""

    def refresh(self, recent: tuple[str, ...]) -> None:
        """Look again at what lies on this machine: bundled, opened before, in the hub's cache."""
        job = self._board.start(FILES_LANE, "List models", lambda: shelves.entries(recent), key="library", quiet=True)
        job.stepped.connect(self._listed)

    def find_devices(self) -> None:
        """Look at the devices and what is free on them."""
        job = self._board.start(FILES_LANE, "Find devices", shelves.devices, key="devices", quiet=True)
        job.finished.connect(self._devices_found)

    def estimate(self, ref: str, device: str, precision: str) -> None:
        """What opening `ref` would take; the latest question wins."""
        opened = self._models.resident()
        job = self._board.start(
            FILES_LANE,
            "Estimate memory",
            lambda: shelves.estimated(ref, device, precision, opened),
            key="estimate",
            quiet=True,
        )
        job.finished.connect(self._estimate_made)
        job.failed.connect(self.not_estimated)

    def search(self, text: str) -> None:
        """Search the hub by a part of an id."""
        self.searching, self.sought = True, text
        job = self._board.start(HUB_LANE, f"Search the hub for “{text}”", lambda: shelves.search(text), key="search")
        job.finished.connect(self._hub_found)
        job.failed.connect(self._search_failed)

    @Slot(object)
    def _listed(self, entries: tuple[ModelEntry, ...]) -> None:
        self.entries = entries
        self.entries_changed.emit()

    @Slot(object)
    def _devices_found(self, devices: Devices) -> None:
        self.devices = devices
        self.devices_changed.emit()

    @Slot(object)
    def _estimate_made(self, made: Estimate) -> None:
        self.estimated.emit(made)

    @Slot(object)
    def _hub_found(self, found: tuple[HubEntry, ...]) -> None:
        self.searching, self.unreachable, self.found = False, False, found
        self.found_changed.emit()

    @Slot(object)
    def _search_failed(self, error: BaseException) -> None:
        self.searching, self.unreachable, self.found = False, True, ()
        self.found_changed.emit()
        self.search_failed.emit(error)
