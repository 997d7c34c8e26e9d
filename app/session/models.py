"""The models that are open: A, which every page shows, and B beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from app.engine.errors import UserError
from app.engine.models.records import ModelSummary
from app.jobs.board import Board
from app.jobs.job import Job
from app.session import work
from app.session.state import SLOTS, Opening, OpenModel, OpenRequest, RoomWanted

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel

FILES_LANE, MODEL_LANE = "files", "model"
_BYTES = {"fp32": 4, "fp16": 2, "bf16": 2}


class OpenModels(QObject):
    """Opens, closes and swaps. A model stays open until the one that replaces it stands, or if that fails; one that is
    being trained stays where it is."""

    changed = Signal(str)
    """Another model, or none, is in this slot."""
    opening_changed = Signal()
    weights_changed = Signal()
    """An open model has other weights than before: it was trained, or its adapter was switched."""
    training_moved = Signal()
    """The model in training took a step: `training_step` says which."""
    closed = Signal()
    """A model's weights were let go; cycles that hold parts of it may be collected."""
    room_wanted = Signal(object)
    """A RoomWanted: nothing was closed yet; `make_room` does it."""
    failed = Signal(object)

    def __init__(self, board: Board) -> None:
        super().__init__()
        self._board = board
        self._loaded: dict[str, LoadedModel] = {}
        self._requests: dict[str, OpenRequest] = {}
        self._job: Job | None = None
        self._opening: OpenRequest | None = None
        self._closed_for_room: OpenRequest | None = None
        self.in_training: LoadedModel | None = None
        """The model whose weights change right now: what is measured of it would belong to no file."""
        self.training_step: int | None = None
        """How many steps that training has taken, as far as the window was told; None before the first and without."""

    def loaded(self, slot: str = "A") -> LoadedModel | None:
        """The model itself, for a lane."""
        return self._loaded.get(slot)

    def summary(self, slot: str = "A") -> ModelSummary | None:
        """Its facts, None while the slot is empty."""
        loaded = self._loaded.get(slot)
        return loaded.summary if loaded is not None else None

    def request(self, slot: str = "A") -> OpenRequest | None:
        """How the model in a slot was asked for."""
        return self._requests.get(slot)

    @property
    def opening(self) -> OpenRequest | None:
        """What is being opened."""
        return self._opening

    def resident(self) -> tuple[OpenModel, ...]:
        """What every open model takes."""
        return tuple(
            OpenModel(slot, summary.name, summary.device, summary.parameters * _BYTES.get(summary.precision, 4))
            for slot in SLOTS
            if (summary := self.summary(slot)) is not None
        )

    def open(self, request: OpenRequest) -> None:
        """Open a model in the background; one that is being opened is cancelled."""
        if self._stays(request.slot):
            return
        if self._job is not None:
            self._job.cancel()
        asked = Opening(request, self.resident())
        job = self._board.start(FILES_LANE, f"Open {request.name}", lambda: work.open_model(asked), key="open")
        self._job, self._opening = job, request
        job.finished.connect(self._opened)
        job.failed.connect(self._failed)
        job.cancelled.connect(self._cancelled)
        self.opening_changed.emit()

    def cancel_opening(self) -> None:
        """Stop; what was open stays."""
        if self._job is not None:
            self._job.cancel()

    def make_room(self, wanted: RoomWanted) -> None:
        """Close what must be closed and open; should that fail, the old A is opened again."""
        if any(self._stays(slot) for slot in wanted.closing):
            return
        for slot in wanted.closing:
            if slot == "A":
                self._closed_for_room = self._requests.get("A")
            self.close(slot)
        self.open(wanted.request)

    def close(self, slot: str) -> None:
        """Give a model's memory back."""
        if self._stays(slot):
            return
        loaded = self._loaded.pop(slot, None)
        self._requests.pop(slot, None)
        if loaded is not None:
            self.changed.emit(slot)
            self._let_go(loaded)

    def became(self, loaded: LoadedModel, folder: str) -> None:
        """A model that is open was finetuned: what opens it again is the folder of the result."""
        for slot, each in self._loaded.items():
            if each is loaded:
                self._requests[slot] = replace(self._requests[slot], ref=folder)
        self.tell_weights()

    def adapter_words(self, slot: str = "A") -> str:
        """What is said of a model beside its name: "training, step 25", "with LoRA", "adapter off", '' for most."""
        loaded = self._loaded.get(slot)
        if loaded is None:
            return ""
        if loaded is self.in_training:
            return "training" if self.training_step is None else step_words(self.training_step)
        if loaded.adapter is None:
            return ""
        return f"with {loaded.adapter.type}" if loaded.adapter_active else "adapter off"

    def train(self, loaded: LoadedModel | None, step: int | None = None) -> None:
        """A model is in training and has taken this step, or nobody is any more."""
        began_or_ended = loaded is not self.in_training
        self.in_training, self.training_step = loaded, step
        if not began_or_ended:
            self.training_moved.emit()

    def tell_weights(self) -> None:
        """Let everybody who shows what a model computed ask again."""
        self.weights_changed.emit()

    def set_adapter_active(self, slot: str, active: bool) -> None:
        """Switch a model's adapter off or on, on its lane."""
        loaded = self._loaded.get(slot)
        if loaded is not None:
            job = self._board.start(
                MODEL_LANE, "Switch the adapter", lambda: work.switch_adapter(loaded, active), key="adapter", quiet=True
            )
            job.finished.connect(self.tell_weights)
            job.failed.connect(self.failed)

    def swap(self) -> None:
        """Let A and B change places; only with both open."""
        if len(self._loaded) == len(SLOTS) and not any(self._stays(slot) for slot in SLOTS):
            self._loaded = {"A": self._loaded["B"], "B": self._loaded["A"]}
            a, b = self._requests["A"], self._requests["B"]
            self._requests = {"A": replace(b, slot="A"), "B": replace(a, slot="B")}
            for slot in SLOTS:
                self.changed.emit(slot)

    @Slot(object)
    def _opened(self, found: LoadedModel | RoomWanted) -> None:
        request, self._opening, self._job = self._opening, None, None
        assert request is not None
        if not isinstance(found, RoomWanted) and self._stays(request.slot):
            # A run began while it was being opened.
            self._let_go(found)
            self.opening_changed.emit()
            return
        if isinstance(found, RoomWanted):
            self.opening_changed.emit()
            self.room_wanted.emit(found)
            return
        self._closed_for_room = None
        old = self._loaded.get(request.slot)
        self._loaded[request.slot], self._requests[request.slot] = found, request
        self.changed.emit(request.slot)
        self.opening_changed.emit()
        if old is not None:
            self._let_go(old)

    @Slot(object)
    def _failed(self, error: BaseException) -> None:
        self._opening, self._job = None, None
        self.opening_changed.emit()
        self.failed.emit(error)
        self._reopen()

    @Slot()
    def _cancelled(self) -> None:
        # One that was cancelled because a newer one began has nothing more to say.
        if self._job is not None and self._job.state.ended:
            self._opening, self._job = None, None
            self.opening_changed.emit()
            self._reopen()

    def _reopen(self) -> None:
        before, self._closed_for_room = self._closed_for_room, None
        if before is not None:
            self.open(before)

    def _stays(self, slot: str) -> bool:
        """Whether the model in a slot is being trained, which is said: its weights are the run's until that ends."""
        loaded = self._loaded.get(slot)
        if loaded is None or loaded is not self.in_training:
            return False
        way = "Stop the run on the Finetune page first; another model can be opened beside it as B."
        self.failed.emit(UserError(f"{loaded.summary.name} is being trained and stays open.", way))
        return True

    def _let_go(self, loaded: LoadedModel) -> None:
        # On the lane of the model, after whatever still uses it.
        job = self._board.start(MODEL_LANE, "Close model", lambda: work.close_model(loaded), quiet=True)
        job.finished.connect(self.closed)


def step_words(step: int) -> str:
    """What is said of anything that a model in training made: "training, step 25"."""
    return f"training, step {step:,}"
