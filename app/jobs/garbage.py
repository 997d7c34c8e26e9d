"""Python's cycle collector, kept on the main thread.

It runs on whatever thread happens to allocate. On a lane it would destroy Qt objects of the main thread that nobody
needs any more, timers among them, which ends the process. So it is switched off and asked for here.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer, Slot

LOOK_EVERY_MS = 500


class MainThreadCollector(QObject):
    """Collects cycles between two events of the main thread, by the same counts as Python's own collector.

    Nothing is collected before `settle`, while torch is being imported.
    """

    def __init__(self) -> None:
        super().__init__()
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_EVERY_MS)
        self._timer.timeout.connect(self._look)

    @Slot()
    def _look(self) -> None:
        for generation in (2, 1, 0):
            if gc.get_count()[generation] > gc.get_threshold()[generation]:
                gc.collect(generation)
                return

    @Slot()
    def collect(self) -> None:
        """Collect everything now, for instance after a model was closed."""
        gc.collect()

    @Slot()
    def settle(self) -> None:
        """Begin. What is there now stays: to look at all of torch's modules takes 0.3 s each time, a visible halt."""
        gc.freeze()
        self._timer.start()

    def end(self) -> None:
        """Give the work back to Python."""
        self._timer.stop()
        gc.enable()
