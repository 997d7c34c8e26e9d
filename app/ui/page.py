"""What every page of the window is."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QScrollArea, QSplitter, QVBoxLayout, QWidget

from app.engine.errors import TooLongError, UserError
from app.session.session import Session
from app.ui.actions import Command
from app.ui.theme import Theme
from app.ui.widgets.banner import Banner


class Page(QWidget):
    """A page: a banner for what went wrong here, then its panels in `body`.

    `explained` carries an `Explanation` whenever what is on screen changes.
    """

    explained = Signal(object)
    noted = Signal(str)
    """A few words that confirm what was done; the window shows them for a while."""
    page_wanted = Signal(str)
    """The key of a page that is to come to the front."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__()
        self._theme, self._session = theme, session
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 12, 12, 12)
        outer.setSpacing(12)
        self.banner = Banner(theme, self)
        outer.addWidget(self.banner)
        self.body = QVBoxLayout()
        self.body.setSpacing(12)
        outer.addLayout(self.body, 1)

    def run(self) -> None:
        """What Ctrl+Enter does here."""

    def stop(self) -> None:
        """What Esc does here."""

    def take_focus(self) -> None:
        """Give the keyboard to the part of the page that uses it most."""

    def commands(self) -> list[Command]:
        """What the palette finds of this page besides what the window does."""
        return []

    def explain(self) -> None:
        """Emit `explained` for what is on screen now."""

    def room_after(self, limit: int) -> int:
        """How many of a model's `limit` positions a text that is cut here leaves free."""
        return 0

    def tell_exports(self) -> None:
        """Confirm every copy and every saved file of the page's pictures, and say why one failed."""
        # Imported here, because the window's frame is painted before its pages are read from disk.
        from app.ui.widgets.chart_widget import ChartWidget
        from app.ui.widgets.matrix_view import MatrixView
        from app.ui.widgets.picture_export import PictureExport

        pictures: list[ChartWidget | MatrixView | PictureExport] = []
        for kind in (ChartWidget, MatrixView, PictureExport):
            pictures += self.findChildren(kind)
        for picture in pictures:
            picture.done.connect(self.noted)
            picture.failed.connect(self._export_failed)

    @Slot(str)
    def _export_failed(self, words: str) -> None:
        self.show_error(UserError(words))

    def show_error(self, error: UserError) -> None:
        """Say what happened, until it is dismissed or the next run succeeds."""
        cut = f"Cut to {error.limit - self.room_after(error.limit):,} tokens" if isinstance(error, TooLongError) else ""
        self.banner.show_message("error", error.fact, error.remedy, cut)


def pass_the_keyboard_on(page: QWidget) -> None:
    """Tab stops at what can be used, and not before at the area that it scrolls in."""
    for area in page.findChildren(QScrollArea):
        held = area.widget()
        parts = [held, *held.findChildren(QWidget)] if held is not None else []
        if any(part.focusPolicy() & Qt.FocusPolicy.TabFocus for part in parts):
            area.setFocusPolicy(Qt.FocusPolicy.NoFocus)


def split(name: str, orientation: Qt.Orientation, *parts: tuple[QWidget, int]) -> QSplitter:
    """A splitter with the house's gap; `parts` are widgets with their first sizes, `name` is how it is remembered."""
    splitter = QSplitter(orientation)
    splitter.setObjectName(name)
    splitter.setHandleWidth(12)
    splitter.setChildrenCollapsible(False)
    for index, (widget, _) in enumerate(parts):
        splitter.addWidget(widget)
        splitter.setStretchFactor(index, 1)
    splitter.setSizes([size for _, size in parts])
    return splitter
