"""Icons: stroked 20×20 drawings in resources/icons, tinted with a colour token when first asked for."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap, QPixmapCache
from PySide6.QtSvg import QSvgRenderer

from app.ui.theme import RESOURCES, Theme


def icon(theme: Theme, name: str, color_token: str = "ink2", size: int = 18) -> QIcon:
    """The icon in the colour of a token, greyed (ink3) where disabled. Ask again after `theme.changed`."""
    result = QIcon(pixmap(theme, name, color_token, size))
    result.addPixmap(pixmap(theme, name, "ink3", size), QIcon.Mode.Disabled)
    return result


def pixmap(theme: Theme, name: str, color_token: str = "ink2", size: int = 18) -> QPixmap:
    """The icon as a picture of `size` pixels at scale 1, sharp on the screen's own scale."""
    colour = theme.color(color_token).name()
    ratio = QGuiApplication.primaryScreen().devicePixelRatio()
    # Qt's own cache, because pictures kept by Python would outlive the application at exit.
    key = f"icon/{name}/{colour}/{size}/{ratio}"
    result = QPixmap()
    if not QPixmapCache.find(key, result):
        result = _tinted(name, colour, size, ratio)
        QPixmapCache.insert(key, result)
    return result


@lru_cache(maxsize=256)
def _source(name: str) -> str:
    return (RESOURCES / "icons" / f"{name}.svg").read_text(encoding="utf-8")


def _tinted(name: str, colour: str, size: int, ratio: float) -> QPixmap:
    svg = _source(name).replace("currentColor", colour)
    result = QPixmap(round(size * ratio), round(size * ratio))
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, result.width(), result.height()))
    painter.end()
    result.setDevicePixelRatio(ratio)
    return result
