"""What model A is to learn from and how: the examples as it gets them, the settings, and what a run would cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.engine.errors import UserError
from app.engine.finetune.defaults import defaults_for, moved, reasons_for
from app.engine.finetune.records import Costs, DataPreview, PreviewToken, Shape
from app.engine.finetune.settings import FinetuneSettings
from app.engine.texts.records import TextSource
from app.jobs.board import Board
from app.jobs.job import Job, Priority
from app.session import finetune_work as work
from app.session.kept_finetune import KeptFinetune
from app.session.models import MODEL_LANE, OpenModels

if TYPE_CHECKING:
    from app.engine.finetune.dataset import Dataset

ASK_AFTER_MS = 500
"""Data and costs are read again so long after the last change of a setting that they depend on."""
_READING = ("max_length", "held_out", "seed", "train_on")
"""Settings that change the examples."""
_COSTING = (
    *_READING,
    "method",
    "rank",
    "targets",
    "batch_size",
    "accumulation",
    "checkpointing",
    "max_steps",
    "epochs",
)


@dataclass(frozen=True)
class _Asked:
    """A file that was chosen and is not read yet."""

    source: TextSource
    shape: Shape | None
    settings: FinetuneSettings | None
    """That come with it; None leaves them as they are."""


class FinetuneData(QObject):
    """The data follow the settings and the model, the costs follow both. A file that was chosen takes the place of the
    one before once it was read; one that cannot be changes nothing."""

    data_changed = Signal()
    tokens_read = Signal(str, object)
    """A record's place, and its tokens after the template."""
    groups_changed = Signal()
    settings_changed = Signal()
    defaults_changed = Signal()
    """Other defaults hold: for another model, or another method."""
    costs_changed = Signal()
    failed = Signal(object)

    def __init__(self, board: Board, models: OpenModels) -> None:
        super().__init__()
        self._board, self._models = board, models
        self.source: TextSource | None = None
        self.shape: Shape | None = None
        self.settings = self.defaults = FinetuneSettings()
        """What the next run is made with, and what an untouched panel holds for this model and method."""
        self.reasons: dict[str, str] = {}
        """Why a default is what it is, by setting, where the model's size decides it."""
        self.dataset: Dataset | None = None
        """The examples themselves, for a lane."""
        self.preview: DataPreview | None = None
        self.costs: Costs | None = None
        self.groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
        self.reading = ""
        """The name of what is being read, '' where nothing is."""
        self.unread = ""
        """Why the examples that there were are none for this model, '' where they are."""
        self._asked: _Asked | None = None
        self._read_with: FinetuneSettings | None = None
        self._job: Job | None = None
        self._costs_of: FinetuneSettings | None = None
        self._ask = QTimer(self)
        self._ask.setSingleShot(True)
        self._ask.setInterval(ASK_AFTER_MS)
        self._ask.timeout.connect(self._read_again)
        self._stale = False
        models.changed.connect(self._model_changed)

    # What is chosen

    def choose(self, source: TextSource, shape: Shape | None = None, settings: FinetuneSettings | None = None) -> None:
        """Take another file of examples, and with it the settings that suit it."""
        self._asked = _Asked(source, shape, settings)
        self._read()

    def choose_shape(self, shape: Shape) -> None:
        """Read the same file in another way."""
        if self.source is not None:
            self.choose(self.source, shape)

    def set_settings(self, settings: FinetuneSettings) -> None:
        """Other settings for the next run; what depends on them is read again in a moment."""
        if settings == self.settings:
            return
        before, self.settings = self.settings, settings
        self.settings_changed.emit()
        changed = {name for name in _COSTING if getattr(before, name) != getattr(settings, name)}
        if changed:
            self._stale = self._stale or bool(changed & set(_READING))
            self._ask.start()
        self._find_defaults()

    def change_settings(self, settings: FinetuneSettings) -> None:
        """What the person changed on the panel: with another method, what stood at the old one's defaults goes to its
        own."""
        if settings.method != self.settings.method:
            now = self._defaults_of(settings.method)
            settings = replace(settings, **moved(settings, self.defaults, now))
        self.set_settings(settings)

    def restore(self, kept: KeptFinetune) -> None:
        """Take back what was kept. The data are read when there is a model to read them for."""
        self.source, self.shape, self.settings, self.defaults = kept.source, kept.shape, kept.settings, kept.defaults
        self.defaults_changed.emit()
        self.settings_changed.emit()

    def _defaults_of(self, method: str) -> FinetuneSettings:
        summary = self._models.summary()
        return defaults_for(summary.parameters, method) if summary is not None else FinetuneSettings(method=method)

    def _find_defaults(self) -> None:
        summary, method = self._models.summary(), self.settings.method
        defaults = self._defaults_of(method)
        reasons = reasons_for(summary.parameters, method) if summary is not None else {}
        if (defaults, reasons) != (self.defaults, self.reasons):
            self.defaults, self.reasons = defaults, reasons
            self.defaults_changed.emit()

    # The examples

    def read_tokens(self, place: str) -> None:
        """One record as the model gets it."""
        loaded, dataset = self._models.loaded(), self.dataset
        if loaded is None or dataset is None:
            return
        job = self._board.start(
            MODEL_LANE, "Read example", lambda: work.tokens_of(loaded, dataset, place), key="example", quiet=True
        )
        job.finished.connect(lambda found: self._tokens_read(place, found))
        job.failed.connect(self.failed)

    def _tokens_read(self, place: str, found: tuple[PreviewToken, ...]) -> None:
        self.tokens_read.emit(place, found)

    @Slot()
    def _read_again(self) -> None:
        if self._stale:
            self._read()
        else:
            self._estimate()

    def _read(self) -> None:
        loaded, asked = self._models.loaded(), self._asked
        source, shape = (self.source, self.shape) if asked is None else (asked.source, asked.shape)
        settings = self.settings if asked is None or asked.settings is None else asked.settings
        self._stale = False
        if loaded is None or source is None:
            return
        self.reading = source.name
        self.data_changed.emit()
        job = self._board.start(
            MODEL_LANE,
            f"Read {source.name}",
            lambda: work.read_data(loaded, source, settings, shape),
            priority=Priority.BACKGROUND,
            key="finetune data",
        )
        self._job = job
        job.finished.connect(lambda dataset: self._data_read(dataset, settings))
        job.failed.connect(self._data_failed)
        job.cancelled.connect(lambda: self._cancelled(job))

    def _data_read(self, dataset: Dataset, settings: FinetuneSettings) -> None:
        asked, self._asked = self._asked, None
        self.dataset, self.preview, self.reading, self._read_with = dataset, dataset.preview, "", settings
        self._costs_of = None
        self.unread = ""
        if asked is not None:
            self.source, self.shape = asked.source, asked.shape
            if asked.settings is not None:
                self.set_settings(asked.settings)
                # They are what was read with.
                self._ask.stop()
                self._stale = False
        self.data_changed.emit()
        self._estimate()

    def _cancelled(self, job: Job) -> None:
        """One that another took the place of is none."""
        if job is self._job and self.reading:
            self._not_read()

    @Slot(object)
    def _data_failed(self, error: BaseException) -> None:
        # Examples of another model or another day, which nobody asked for now: that they do not fit is no alarm.
        quiet = isinstance(error, UserError) and self._asked is None and self.dataset is None
        self._not_read(str(error) if quiet else "")
        if not quiet:
            self.failed.emit(error)

    def _not_read(self, why: str = "") -> None:
        asked, self._asked, self.reading, self.unread = self._asked, None, "", why
        if asked is None:
            # The same file under other settings, or for another model: what was read before is not what they ask for.
            self.dataset = self.preview = None
        elif self._read_with is not None and _differ(self._read_with, self.settings):
            self._stale = True
            self._ask.start()
        self.data_changed.emit()

    # The costs

    @property
    def base(self) -> str:
        """What opens the base of model A where it carries an adapter, else ''. One that is in it for a moment, to find
        what a run costs, lies in no folder and is none."""
        loaded = self._models.loaded()
        adapter = loaded.adapter if loaded is not None else None
        return adapter.base if adapter is not None and adapter.folder else ""

    def known_costs(self) -> Costs | None:
        """What a run with the settings as they are costs, where that was found."""
        return self.costs if self._costs_of == self.settings else None

    def stop_estimating(self) -> None:
        """A run begins: what it costs is found no more."""
        self._board.start(MODEL_LANE, "Stop estimating", _nothing, key="finetune costs", quiet=True)

    def _estimate(self) -> None:
        loaded, dataset, settings = self._models.loaded(), self.dataset, self.settings
        if loaded is None or dataset is None or self._models.in_training is not None or self.base:
            if self.base and self.costs is not None and self._costs_of != settings:
                # Of other settings or data, and a model with an adapter is not probed.
                self.costs = None
                self.costs_changed.emit()
            return
        job = self._board.start(
            MODEL_LANE,
            "Estimate the run",
            lambda: work.estimate(loaded, dataset, settings),
            priority=Priority.BACKGROUND,
            key="finetune costs",
            quiet=True,
        )
        self._costs_of = settings
        job.finished.connect(self._costs_found)
        job.failed.connect(self._costs_failed)

    @Slot(object)
    def _costs_found(self, costs: Costs) -> None:
        self.costs = costs
        self.costs_changed.emit()

    @Slot(object)
    def _costs_failed(self, error: BaseException) -> None:
        self.costs = None
        self.costs_changed.emit()
        self.failed.emit(error)

    # The model

    @Slot(str)
    def _model_changed(self, slot: str) -> None:
        if slot != "A":
            return
        loaded = self._models.loaded()
        self.costs, self.groups, self.dataset, self.preview, self.unread = None, (), None, None, ""
        self.costs_changed.emit()
        self.data_changed.emit()
        if loaded is None:
            return
        before = self.defaults
        self.set_settings(
            replace(self.settings, **moved(self.settings, before, self._defaults_of(self.settings.method)))
        )
        self._find_defaults()
        job = self._board.start(
            MODEL_LANE, "Find layers", lambda: work.groups_of(loaded), key="groups", priority=Priority.BACKGROUND,
            quiet=True,
        )  # fmt: skip
        job.finished.connect(self._groups_found)
        self._read()

    @Slot(object)
    def _groups_found(self, groups: tuple[tuple[str, tuple[str, ...]], ...]) -> None:
        self.groups = groups
        self.groups_changed.emit()


def _differ(one: FinetuneSettings, other: FinetuneSettings) -> bool:
    """Whether two settings make other examples."""
    return any(getattr(one, name) != getattr(other, name) for name in _READING)


def _nothing() -> Any:
    """A job that takes the place of one with the same key."""
    yield None
