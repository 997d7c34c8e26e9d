"""All runs, the newest first: name and state, what was trained on what, how far, and what it brought."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QContextMenuEvent, QFont, QFontMetricsF, QGuiApplication, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.engine.finetune.records import DIVERGED, RunEntry
from app.engine.finetune.settings import FULL, LORA
from app.ui.icons import pixmap
from app.ui.pages.finetune.run_words import loss_text, perplexity_words, when_text
from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round

_Index = QModelIndex | QPersistentModelIndex
_NONE = QModelIndex()
ENTRY = Qt.ItemDataRole.UserRole
METHOD_WORDS = {LORA: "LoRA", FULL: "full finetune"}
_TAGS = {
    "done": ("check", "ok", "oksoft"),
    "stopped": ("stop", "ink2", "hover"),
    "unfinished": ("warn", "warn", "warnsoft"),
    DIVERGED: ("error", "err", "errsoft"),
}
"""Icon, colour and ground of each state."""
_PADDING, _ABOVE, _SIGN = 12, 7, 12
_LEVEL = Qt.AlignmentFlag.AlignVCenter


def held_out_text(entry: RunEntry) -> str:
    """ "held out 3.20 → 1.71", or what of it is known."""
    if entry.first_held_out is None:
        return ""
    best = f" → {loss_text(entry.best_held_out)}" if entry.best_held_out is not None else ""
    return f"held out {loss_text(entry.first_held_out)}{best}"


def detail_text(entry: RunEntry) -> str:
    """ "LoRA on story-gpt · pirate-tales.jsonl · 310 of 500 steps"."""
    steps = f"{entry.steps:,} steps" if entry.step >= entry.steps else f"{entry.step:,} of {entry.steps:,} steps"
    return f"{METHOD_WORDS.get(entry.method, entry.method)} on {entry.base} · {entry.data} · {steps}"


def entry_words(entry: RunEntry) -> str:
    """A run in one line, for screen readers and the clipboard."""
    parts = (entry.name, entry.state, detail_text(entry), held_out_text(entry), when_text(entry.when))
    return ", ".join(part for part in parts if part)


def _tip(entry: RunEntry) -> str:
    lines = [entry.folder]
    if entry.first_held_out is not None and entry.best_held_out is not None:
        before, best = (perplexity_words(each) for each in (entry.first_held_out, entry.best_held_out))
        lines.append(f"Held-out perplexity {before} before, {best} at best")
    if entry.checkpoints:
        lines.append(f"Checkpoints at step {', '.join(f'{step:,}' for step in entry.checkpoints)}")
    return "\n".join(lines)


class _Rows(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[RunEntry, ...] = ()

    def set_rows(self, rows: tuple[RunEntry, ...]) -> None:
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: _Index = _NONE) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        entry = self.rows[index.row()]
        if role == ENTRY:
            return entry
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return entry_words(entry)
        return _tip(entry) if role == Qt.ItemDataRole.ToolTipRole else None


class _Painter(QStyledItemDelegate):
    def __init__(self, theme: Theme, model: _Rows, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._model = theme, model

    def sizeHint(self, _option: QStyleOptionViewItem, _index: _Index) -> QSize:
        return QSize(200, ceil(self._upper() + self._lower()) + 2 * _ABOVE + 1)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        entry, color, rect = self._model.rows[index.row()], self._theme.color, QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, color("accentsoft"))
            painter.fillRect(QRectF(rect.left(), rect.top(), 3, rect.height()), color("accent"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, color("hover"))
        painter.fillRect(QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1), color("line"))
        room = rect.adjusted(_PADDING, _ABOVE, -_PADDING, 0)
        upper = QRectF(room.left(), room.top(), room.width(), self._upper())
        lower = QRectF(room.left(), upper.bottom(), room.width(), self._lower())
        held, when = self._theme.font(12, mono=True), self._theme.font(11.5)
        taken = self._write(painter, upper, held_out_text(entry), held, "ink", right=True)
        tag = self._tag_width(entry.state)
        name = upper.adjusted(0, 0, -taken - tag - 24, 0)
        used = self._write(painter, name, entry.name, self._theme.font(13, 600), "ink")
        self._paint_tag(painter, QRectF(upper.left() + used + 8, upper.top(), tag, upper.height()), entry.state)
        taken = self._write(painter, lower, when_text(entry.when), when, "ink2", right=True)
        self._write(painter, lower.adjusted(0, 0, -taken - 12, 0), detail_text(entry), when, "ink2")
        painter.restore()

    def _write(
        self, painter: QPainter, room: QRectF, words: str, font: QFont, token: str, *, right: bool = False
    ) -> float:
        """Write words cut to their room; gives back the pixels they took."""
        metrics = QFontMetricsF(font)
        shown = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, max(room.width(), 0.0))
        painter.setFont(font)
        painter.setPen(self._theme.color(token))
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        painter.drawText(room.adjusted(0, 0, 0 if right else 2, 0), side | _LEVEL, shown)
        return metrics.horizontalAdvance(shown)

    def _paint_tag(self, painter: QPainter, rect: QRectF, state: str) -> None:
        sign, strong, soft = _TAGS.get(state, _TAGS["stopped"])
        fill_round(painter, rect.adjusted(0, 1, 0, -1), 5, self._theme.color(soft))
        top = round(rect.center().y() - _SIGN / 2)
        painter.drawPixmap(round(rect.left() + 6), top, pixmap(self._theme, sign, strong, _SIGN))
        painter.setFont(self._theme.font(11.5, 600))
        painter.setPen(self._theme.color(strong))
        painter.drawText(rect.adjusted(_SIGN + 10, 0, 0, 0), _LEVEL, state)

    def _tag_width(self, state: str) -> float:
        return QFontMetricsF(self._theme.font(11.5, 600)).horizontalAdvance(state) + _SIGN + 18

    def _upper(self) -> float:
        return QFontMetricsF(self._theme.font(13, 600)).height() + 4

    def _lower(self) -> float:
        return QFontMetricsF(self._theme.font(11.5)).height() + 3


class RunsList(QListView):
    """Enter and double click open, Delete removes, Ctrl+C copies the chosen run in words."""

    chosen = Signal()
    """Another run is the current one, or none."""
    opened = Signal()
    removed = Signal()
    menu_wanted = Signal(object)
    """The place on the screen (QPoint) where a menu of the current run is to be."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = _Rows()
        self.setModel(self._rows)
        self.setItemDelegate(_Painter(theme, self._rows, self))
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Runs")
        self.selectionModel().currentChanged.connect(self._current_changed)
        self.doubleClicked.connect(self._double_clicked)
        theme.changed.connect(self.scheduleDelayedItemsLayout)

    def show_runs(self, runs: Sequence[RunEntry]) -> None:
        """Show these, the newest first; the current one stays current where it is still there, else it is the first."""
        before = self.current()
        rows = tuple(sorted(runs, key=lambda entry: entry.when, reverse=True))
        if rows != self._rows.rows:
            self._rows.set_rows(rows)
            folders = [entry.folder for entry in rows]
            place = folders.index(before.folder) if before is not None and before.folder in folders else 0
            self.setCurrentIndex(self._rows.index(place, 0))
        self.chosen.emit()

    def runs(self) -> tuple[RunEntry, ...]:
        """The runs in the order shown."""
        return self._rows.rows

    def current(self) -> RunEntry | None:
        """The current run."""
        index = self.currentIndex()
        return self._rows.rows[index.row()] if index.isValid() else None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        entry = self.current()
        if entry is None:
            super().keyPressEvent(event)
        elif event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(entry_words(entry))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.removed.emit()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        keyed = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if keyed else self.indexAt(event.pos())
        if index.isValid():
            self.setCurrentIndex(index)
            place = self.visualRect(index).center() if keyed else event.pos()
            self.menu_wanted.emit(self.viewport().mapToGlobal(place))

    @Slot(QModelIndex, QModelIndex)
    def _current_changed(self, _now: QModelIndex, _before: QModelIndex) -> None:
        self.chosen.emit()

    @Slot(QModelIndex)
    def _double_clicked(self, _index: QModelIndex) -> None:
        self.opened.emit()
