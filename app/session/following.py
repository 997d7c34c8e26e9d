"""Inspect keeps up with a model in training: what it shows is read again now and then, with the weights of then."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Slot

from app.session.inspection import Inspection
from app.session.models import OpenModels

LEAST_MS = 1000
SHARE = 20
"""Reading again takes at most one part in so many of the time, whatever the model's size."""


class Following(QObject):
    """Asks the inspection to run again while model A is trained."""

    def __init__(self, models: OpenModels, inspection: Inspection) -> None:
        super().__init__()
        self._models, self._inspection = models, inspection
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.timeout.connect(self._read)
        models.training_moved.connect(self._moved)

    @Slot()
    def _moved(self) -> None:
        if not self._pause.isActive():
            self._pause.start(max(LEAST_MS, round(1000 * SHARE * self._inspection.took)))

    @Slot()
    def _read(self) -> None:
        models, inspection = self._models, self._inspection
        trained = models.in_training is not None and models.loaded() is models.in_training
        if trained and inspection.ready and inspection.training_step != models.training_step:
            inspection.run_again()
