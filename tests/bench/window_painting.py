"""A process that opens one window and says how many seconds after its start the window was painted.

`app` opens Unembed through its own `main.py` and waits for its frame, `page` for the page in it, `picture` for the
first attention pattern of the model; `bare` opens a PySide6 window that holds a pyqtgraph picture and nothing else. All
are timed in the same way, from the moment that the parent wrote into the environment.
"""

from __future__ import annotations

import json
import os
import sys
import time

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget

STARTED = "UNEMBED_BENCH_STARTED"


class FirstPaint(QObject):
    """Ends the process when the watched window and everything in it has been painted once."""

    def __init__(self, window: QWidget) -> None:
        super().__init__()
        self._told = False
        window.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and not self._told:
            self._told = True
            # A window is painted before its children, all in one go; this is handled after the last of them.
            QCoreApplication.postEvent(self, QEvent(QEvent.Type.User), Qt.EventPriority.HighEventPriority.value)
        return False

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.User:
            print(json.dumps(time.time() - float(os.environ[STARTED])), flush=True)
            os._exit(0)
        return super().event(event)


def open_app(until: str = "frame") -> None:
    """Unembed as a person starts it."""
    import main

    class Watched(main.Program):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)
            if until == "frame":
                self.first_paint = FirstPaint(self.window)

        def begin(self) -> None:
            if until == "page":
                # Built first, so that its first paint is not missed.
                self.window.show_page(self.page)
                self.first_paint = FirstPaint(self.window.page)
            super().begin()
            if until == "picture":
                self.session.inspection.head_read.connect(self.picture_came)

        def picture_came(self, _reading: object) -> None:
            self.first_paint = FirstPaint(self.window.page.attention.heatmap)

    main.Program = Watched
    sys.argv[:] = ["main.py"]
    main.main()


def open_bare() -> None:
    """The least that shows a picture with pyqtgraph."""
    import numpy as np
    import pyqtgraph

    application = QApplication([])
    window = QMainWindow()
    window.resize(1440, 900)
    plot = pyqtgraph.PlotWidget()
    plot.addItem(pyqtgraph.ImageItem(np.random.default_rng(0).random((64, 64))))
    window.setCentralWidget(plot)
    # The plot covers the window, which therefore gets no paint event of its own.
    first_paint = FirstPaint(plot.viewport())
    window.show()
    application.exec()
    del first_paint


if __name__ == "__main__":
    {"app": open_app, "page": lambda: open_app("page"), "picture": lambda: open_app("picture"), "bare": open_bare}[
        sys.argv[1]
    ]()
