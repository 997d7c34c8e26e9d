"""The strip at the bottom of the window: what is running, how far it is, and how to stop it."""

from __future__ import annotations

from PySide6.QtCore import QSize, QTimer, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.ui.icons import icon, pixmap
from app.ui.theme import Theme
from app.ui.widgets.labels import make_elided_label, make_label, make_rule
from app.ui.widgets.progress_line import ProgressLine

NOTE_MS = 8_000
"""How long a short note stays."""


class JobStrip(QFrame):
    """32 px high. It knows nothing of jobs: the window sets what it shows. Short notes stand beside them for a while.

    `pause_requested(True)` asks to pause, `pause_requested(False)` to go on.
    """

    pause_requested = Signal(bool)
    cancel_requested = Signal()
    all_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._icon_name = "jobs"
        self._paused = False
        self._failed = False
        self.setProperty("role", "bar")
        self.setFixedHeight(33)
        self.setAccessibleName("Jobs")
        self._icon = QLabel()
        self._name = make_label(theme, "", 12.5, 650)
        self._bar = ProgressLine(theme, "Progress", 180)
        self._percent = make_label(theme, "", 12, mono=True)
        self._detail = make_label(theme, "", 12.5, role="secondary")
        self._queue = make_label(theme, "", 12.5, role="caption")
        self._done = QLabel()
        self._note = make_elided_label(theme, "", 12.5)
        self._note_ends = QTimer(self)
        self._note_ends.setSingleShot(True)
        self._note_ends.setInterval(NOTE_MS)
        self._note_ends.timeout.connect(self._forget_note)
        self._forget_note()
        self.pause_button = self._make_button("Pause")
        self.cancel_button = self._make_button("Cancel")
        self.pause_button.clicked.connect(self._on_pause)
        self.cancel_button.clicked.connect(self.cancel_requested)
        self.all_button = self._make_button("All jobs")
        self.all_button.setToolTip("What runs and what has run (Ctrl+J)")
        self.all_button.clicked.connect(self.all_requested)
        self._lay_out()
        theme.changed.connect(self._on_theme)
        self.set_idle()

    def set_job(self, name: str, detail: str = "", share: float | None = None, icon_name: str = "jobs") -> None:
        """Show a running job; `share` is 0..1, None while its length is unknown (then the detail counts)."""
        self._icon_name = icon_name
        self._failed = False
        self._show(name, detail, share, running=True)

    def set_paused(self, paused: bool) -> None:
        """Show the job as paused (grey, "Resume") or going on."""
        self._paused = paused
        self.pause_button.setText("Resume" if paused else "Pause")
        self._bar.set_share(self._bar.share(), "line2" if paused else "accent")
        self._on_theme()

    def set_failed(self, name: str, detail: str) -> None:
        """Show which job failed and at which step."""
        self._failed = True
        self._show(name, detail, None, running=False)

    def set_idle(self, text: str = "Ready") -> None:
        """Show that nothing is running."""
        self._failed = False
        self._show("", text, None, running=False)

    def set_queue(self, text: str) -> None:
        """Words at the right about jobs that wait; "" for none."""
        self._queue.setText(text)

    @Slot(str)
    def note(self, words: str) -> None:
        """Confirm in a few words what was done; they go by themselves, or when others come."""
        self._note.setText(words)
        self._note.setAccessibleName(words)
        self._done.show()
        self._note_ends.start()

    @Slot()
    def _forget_note(self) -> None:
        self._note.clear()
        self._done.hide()

    def text(self) -> str:
        """What the strip says, in one line."""
        parts = (self._name.text(), self._percent.text(), self._detail.text())
        return " ".join(part for part in parts if part)

    def _show(self, name: str, detail: str, share: float | None, running: bool) -> None:
        if not running:
            self.set_paused(False)
        self._name.setText(name)
        self._name.setVisible(bool(name))
        self._icon.setVisible(running or self._failed)
        self._detail.setText(detail)
        known = running and share is not None
        self._bar.setVisible(known)
        self._percent.setVisible(known)
        self._percent.setText(f"{100 * share:.0f}%" if share is not None and running else "")
        self._bar.set_share(share, "line2" if self._paused else "accent")
        self._detail.setProperty("role", "error" if self._failed else "secondary" if running else "caption")
        self._detail.style().polish(self._detail)
        self.pause_button.setVisible(running)
        self.cancel_button.setVisible(running)
        self._on_theme()

    def _make_button(self, label: str) -> QPushButton:
        button = QPushButton(label)
        button.setProperty("kind", "strip")
        button.setFont(self._theme.font(12.5))
        button.setIconSize(QSize(14, 14))
        return button

    def _lay_out(self) -> None:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(14, 0, 14, 0)
        row.setSpacing(10)
        for part in (self._icon, self._name, self._bar, self._percent, self._detail):
            row.addWidget(part)
        row.addWidget(self.pause_button)
        row.addWidget(self.cancel_button)
        row.addWidget(self._done)
        row.addWidget(self._note, 1)
        row.addWidget(self._queue)
        row.addWidget(self.all_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(make_rule())
        layout.addWidget(line, 1)

    @Slot()
    def _on_pause(self) -> None:
        self.pause_requested.emit(not self._paused)

    @Slot()
    def _on_theme(self) -> None:
        token = "err" if self._failed else "accent"
        self._icon.setPixmap(pixmap(self._theme, "error" if self._failed else self._icon_name, token, 16))
        self._done.setPixmap(pixmap(self._theme, "check", "ok", 16))
        self.pause_button.setIcon(icon(self._theme, "play" if self._paused else "pause", "ink2", 14))
        self.cancel_button.setIcon(icon(self._theme, "close", "ink2", 14))
        self.all_button.setIcon(icon(self._theme, "chevron-up", "ink2", 14))
