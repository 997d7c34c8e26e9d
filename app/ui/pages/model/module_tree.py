"""The module tree of the open model: what `print(model)` shows, to unfold and to search."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRectF, QSortFilterProxyModel, Qt, Slot
from PySide6.QtGui import QFontMetrics, QGuiApplication, QPainter, QResizeEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QHeaderView, QMenu, QStyledItemDelegate, QStyleOptionViewItem, QTreeView, QWidget

from app.engine.models.records import ModuleRow
from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round

_Index = QModelIndex | QPersistentModelIndex
NAME, SHAPE, PARAMETERS, SHARE = range(4)
_SHARE_ROLE = Qt.ItemDataRole.UserRole
_PATH_ROLE = Qt.ItemDataRole.UserRole + 1
_WITH_SHARE = 560
"""Narrower than this the bars make way for the names."""
_OPEN_TO = 2
"""Levels that stand open at first."""


class _ShareBar(QStyledItemDelegate):
    """The share of all parameters as a bar."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        super().paint(painter, option, index)
        share = index.data(_SHARE_ROLE)
        if share:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            room = QRectF(option.rect).adjusted(4, 0, -10, 0)
            bar = QRectF(room.left(), room.center().y() - 2.5, max(room.width() * share, 2.0), 5)
            fill_round(painter, bar, 2.5, self._theme.color("line2"))


class ModuleTree(QTreeView):
    """Modules with shapes, parameter counts and dtypes; copies what is selected."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._items = QStandardItemModel(self)
        self._filter = QSortFilterProxyModel(self)
        self._filter.setSourceModel(self._items)
        self._filter.setRecursiveFilteringEnabled(True)
        self._filter.setAutoAcceptChildRows(True)
        self._filter.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._filter.setFilterRole(_PATH_ROLE)
        self.setModel(self._filter)
        self.setAccessibleName("Modules of the model")
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setUniformRowHeights(True)
        self.setIndentation(12)
        self.setItemDelegateForColumn(SHARE, _ShareBar(theme, self))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)
        theme.changed.connect(self._restyle)
        self._restyle()

    def set_rows(self, rows: Sequence[ModuleRow]) -> None:
        """Show a model's modules, the model itself first."""
        self._items.clear()
        self._items.setHorizontalHeaderLabels(["Module", "Shape", "Parameters", "Share"])
        total = max(rows[0].parameters, 1) if rows else 1
        made: dict[str, QStandardItem] = {}
        for row in rows:
            items = _items_of(row, total)
            parent = made.get(row.path.rpartition(".")[0]) if row.path else None
            (parent if parent is not None else self._items.invisibleRootItem()).appendRow(items)
            made[row.path] = items[0]
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column in (SHAPE, PARAMETERS, SHARE):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
        self._share_width()
        self.expandToDepth(_OPEN_TO - 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_width()

    def _share_width(self) -> None:
        """The names have what they need first; shapes that do not fit are cut and stand in the tool tip."""
        width, metrics = self.viewport().width(), QFontMetrics(self.font())
        header = self.header()
        header.resizeSection(SHARE, 64)
        header.setSectionHidden(SHARE, width < _WITH_SHARE)
        header.resizeSection(PARAMETERS, metrics.horizontalAdvance("000,000,000") + 12)
        header.resizeSection(SHAPE, min(metrics.horizontalAdvance("[1024, 256] + [1024]") + 16, int(0.3 * width)))

    def set_filter(self, text: str) -> None:
        """Only modules whose path, class or role holds `text`, with what is above and below them."""
        self._filter.setFilterFixedString(text)
        if text:
            self.expandAll()
        else:
            self.collapseAll()
            self.expandToDepth(_OPEN_TO - 1)

    def shown(self) -> list[tuple[str, str, str]]:
        """Path, shape and parameters of every row that passes the filter, in order."""
        found: list[tuple[str, str, str]] = []

        def walk(parent: QModelIndex) -> None:
            for place in range(self._filter.rowCount(parent)):
                name = self._filter.index(place, NAME, parent)
                path = str(name.data(_PATH_ROLE)).split("\n", 1)[0]
                found.append(
                    (path, str(name.siblingAtColumn(SHAPE).data()), str(name.siblingAtColumn(PARAMETERS).data()))
                )
                walk(name)

        walk(QModelIndex())
        return found

    @Slot()
    def _restyle(self) -> None:
        self.setFont(self._theme.font(12, mono=True))
        self.header().setFont(self._theme.font(11.5))

    @Slot(QPoint)
    def _menu(self, place: QPoint) -> None:
        index = self.indexAt(place).siblingAtColumn(NAME)
        if not index.isValid():
            return
        path = str(index.data(_PATH_ROLE)).split("\n", 1)[0]
        menu = QMenu(self)
        copies = {
            menu.addAction("Copy path"): path,
            menu.addAction("Copy Python"): f'model.get_submodule("{path}")',
            menu.addAction("Copy all shown as text"): "\n".join("\t".join(row) for row in self.shown()),
        }
        chosen = menu.exec(self.viewport().mapToGlobal(place))
        if chosen is not None:
            QGuiApplication.clipboard().setText(copies[chosen])


def _items_of(row: ModuleRow, total: int) -> list[QStandardItem]:
    last = row.path.rpartition(".")[2] or row.type
    words = f"{last}, {row.role}" if row.role else last if row.path else f"{row.type}, the whole model"
    if row.shares:
        words += f", shares {row.shares.rpartition('.')[0]}"
    shapes = [shape for _, shape, _ in row.tensors]
    shape = _shape(shapes[0]) if shapes else ""
    if len(shapes) == 2 and len(shapes[0]) == 2:
        shape += f" + {_shape(shapes[1])}"
    elif len(shapes) > 1:
        shape += f" × {len(shapes)}" if len(set(shapes)) == 1 else " …"
    name, size, count, share = (QStandardItem(text) for text in (words, shape, f"{row.parameters:,}", ""))
    tip = f"{row.path or 'the model'}: {row.type}" + "".join(
        f"\n{tensor} {_shape(shape)} {dtype}" for tensor, shape, dtype in row.tensors
    )
    for item in (name, size, count, share):
        item.setEditable(False)
        item.setToolTip(tip)
    for item in (size, count):
        item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    # The path first: filtering looks at class and role too.
    name.setData(f"{row.path}\n{row.type}\n{row.role}", _PATH_ROLE)
    share.setData(row.parameters / total, _SHARE_ROLE)
    share.setData(f"{100 * row.parameters / total:.1f} percent", Qt.ItemDataRole.AccessibleTextRole)
    return [name, size, count, share]


def _shape(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"
