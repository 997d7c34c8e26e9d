"""Colours, fonts and maps of the interface, in light and dark.

Every widget takes a `Theme` as its first argument and repaints on `changed`; nothing is global.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from weakref import WeakSet

import numpy as np
from PySide6.QtCore import QObject, Qt, QTemporaryDir, Signal, Slot
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from app.ui.colour_maps import MAP_NAMES, STOPS, build_lut, place_in_map, relative_luminance
from app.ui.palettes import DARK, LIGHT, Palette
from app.ui.style_sheet import build_style_sheet

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
CHOICES = ("light", "dark", "system")

SANS_FAMILIES = ["Inter", "Segoe UI", "SF Pro Text", "Noto Sans", "DejaVu Sans", "sans-serif"]
# Inter follows JetBrains Mono because it has the signs "␣" and "⏎", which the mono face lacks.
MONO_FAMILIES = ["JetBrains Mono", "Inter", "Consolas", "Menlo", "DejaVu Sans Mono", "monospace"]
# The system's ordinary text size in points; a larger one makes all our text larger by the same share.
_ORDINARY_POINTS = 13.0 if sys.platform == "darwin" else 11.0
# Points per pixel at scale 1: macOS counts 72 to the inch, the others 96.
_POINTS_PER_PIXEL = 1.0 if sys.platform == "darwin" else 0.75


def text_on(color: QColor) -> QColor:
    """White or pure black, whichever contrasts more with the colour (at least 4.58 on any colour)."""
    return QColor(Qt.GlobalColor.white if _is_deep(color.rgb()) else Qt.GlobalColor.black)


@cache
def _is_deep(rgb: int) -> bool:
    """Whether white contrasts more than black; asked for every chip of a text, answered once for each colour."""
    color = QColor(rgb)
    luminance = float(relative_luminance(np.array([color.redF(), color.greenF(), color.blueF()])))
    return 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05


class Theme(QObject):
    """The current colours and fonts. `changed` comes after the application and its windows have been restyled."""

    changed = Signal()

    def __init__(self, choice: str = "system", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._choice = _checked_choice(choice)
        self._app: QApplication | None = None
        self._dressed: WeakSet[QWidget] = WeakSet()
        self._hints_connected = False
        self._indicators = QTemporaryDir()
        self._luts: dict[tuple[str, str], np.ndarray] = {}
        self._fonts: dict[tuple[float, int, bool], QFont] = {}
        self._font_scale = 1.0
        self._connect_hints()
        self._palette = self._wanted_palette()

    @property
    def palette(self) -> Palette:
        """The colours in use now."""
        return self._palette

    @property
    def choice(self) -> str:
        """What was asked for: "light", "dark" or "system"."""
        return self._choice

    @property
    def is_dark(self) -> bool:
        """Whether the dark colours are in use now."""
        return self._palette is DARK

    def set_choice(self, choice: str) -> None:
        """Switch to "light", "dark" or "system"; emits `changed` when the colours differ."""
        self._choice = _checked_choice(choice)
        self._follow()

    def color(self, token: str) -> QColor:
        """The colour of a token, such as "ink2"."""
        return QColor(getattr(self._palette, token))

    def lut(self, name: str) -> np.ndarray:
        """uint8 RGBA [256, 4] of "probability", "signed", "surprise" or "against"; read-only, no exponent."""
        key = (self._palette.name, name)
        if key not in self._luts:
            if name not in MAP_NAMES:
                raise KeyError(f"There is no colour map {name!r}; the maps are {', '.join(MAP_NAMES)}.")
            self._luts[key] = build_lut(STOPS[self._palette.name][name])
        return self._luts[key]

    def lut_color(self, name: str, place: float) -> QColor:
        """The colour at a place 0..1 of the map's table, no exponent."""
        row = self.lut(name)[round(min(max(place, 0.0), 1.0) * 255)]
        return QColor(int(row[0]), int(row[1]), int(row[2]))

    def map_color(self, name: str, value: float) -> QColor:
        """The colour of a value: probability 0..1 (exponent .75), signed and against −1..1, surprise in bits."""
        return self.lut_color(name, place_in_map(name, value))

    def bar_color(self) -> QColor:
        """Fill of probability bars."""
        return self.lut_color("probability", 0.70 if self.is_dark else 0.66)

    def chip_fill(self, share: float, name: str = "probability") -> QColor:
        """Fill of a generated token's chip: the lower part of a map, so that its text stays readable."""
        return self.lut_color(name, (0.42 if name == "probability" else 0.5) * share)

    def chip_underline(self, name: str = "probability") -> QColor:
        """The bar under a chip whose length is what colours it; at least 3:1 on every fill of the same map."""
        return self.lut_color(name, 0.92 if self.is_dark else 0.88)

    def font(self, px: float, weight: int = 400, mono: bool = False) -> QFont:
        """A font of `px` pixels at scale 1, growing with the system's text size; figures are tabular.

        The faces are Regular 400, Medium 500, Semi Bold 600 (the specification's 650) and Bold 700; mono has no 600.
        """
        key = (px, weight, mono)
        if key not in self._fonts:
            self._fonts[key] = self._build_font(px, weight, mono)
        return QFont(self._fonts[key])

    def apply(self, app: QApplication) -> None:
        """Give the application our style, fonts and palette, now and at every change."""
        if self._app is None:
            self._font_scale = min(max(app.font().pointSizeF() / _ORDINARY_POINTS, 1.0), 2.0)
            self._fonts.clear()
            app.setStyle("Fusion")
            for face in sorted((RESOURCES / "fonts").glob("*.[ot]tf")):
                QFontDatabase.addApplicationFont(str(face))
        self._app = app
        self._connect_hints()
        self._palette = self._wanted_palette()
        self._restyle()

    def dress(self, window: QWidget) -> None:
        """Give a window, and all that is or comes inside it, our style sheet, now and at every change.

        Not the application: under its sheet every part is styled again with all it holds each time that it is put into
        another. A page built without one is styled once, when it is put into its window.
        """
        self._dressed.add(window)
        window.setStyleSheet(self._sheet())

    def _sheet(self) -> str:
        return build_style_sheet(self._palette, Path(self._indicators.path()))

    def _restyle(self) -> None:
        if self._app is not None:
            self._app.setFont(self.font(13))
            self._app.setPalette(_qt_palette(self._palette))
        for window in filter(isValid, self._dressed):
            window.setStyleSheet(self._sheet())

    def _build_font(self, px: float, weight: int, mono: bool) -> QFont:
        font = QFont(MONO_FAMILIES if mono else SANS_FAMILIES)
        font.setPointSizeF(px * _POINTS_PER_PIXEL * self._font_scale)
        font.setWeight(_face_weight(weight, mono))
        font.setFeature(QFont.Tag("tnum"), 1)
        if mono:
            font.setFixedPitch(True)
            font.setFeature(QFont.Tag("calt"), 0)
            font.setFeature(QFont.Tag("liga"), 0)
        return font

    def _connect_hints(self) -> None:
        if not self._hints_connected and QGuiApplication.instance() is not None:
            QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow)
            self._hints_connected = True

    def _wanted_palette(self) -> Palette:
        if self._choice != "system":
            return DARK if self._choice == "dark" else LIGHT
        known = QGuiApplication.instance() is not None
        dark = known and QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return DARK if dark else LIGHT

    @Slot()
    def _follow(self) -> None:
        wanted = self._wanted_palette()
        if wanted is not self._palette:
            self._palette = wanted
            self._restyle()
            self.changed.emit()


def _face_weight(weight: int, mono: bool) -> QFont.Weight:
    """The bundled face nearest to a weight; a weight between faces would make Qt smear the outlines."""
    if weight >= 675 or (mono and weight >= 600):
        return QFont.Weight.Bold
    if weight >= 550:
        return QFont.Weight.DemiBold
    return QFont.Weight.Medium if weight >= 450 else QFont.Weight.Normal


def _checked_choice(choice: str) -> str:
    if choice not in CHOICES:
        raise ValueError(f"There is no theme {choice!r}; the themes are {', '.join(CHOICES)}.")
    return choice


def _qt_palette(palette: Palette) -> QPalette:
    roles = {
        QPalette.ColorRole.Window: palette.bg,
        QPalette.ColorRole.WindowText: palette.ink,
        QPalette.ColorRole.Base: palette.surface,
        QPalette.ColorRole.AlternateBase: palette.sunken,
        QPalette.ColorRole.Text: palette.ink,
        QPalette.ColorRole.PlaceholderText: palette.ink3,
        QPalette.ColorRole.Button: palette.surface,
        QPalette.ColorRole.ButtonText: palette.ink,
        QPalette.ColorRole.BrightText: palette.err,
        QPalette.ColorRole.Highlight: palette.accent,
        QPalette.ColorRole.HighlightedText: palette.onaccent,
        QPalette.ColorRole.Link: palette.accent,
        QPalette.ColorRole.LinkVisited: palette.accent,
        QPalette.ColorRole.ToolTipBase: palette.surface,
        QPalette.ColorRole.ToolTipText: palette.ink,
        QPalette.ColorRole.Light: palette.surface,
        QPalette.ColorRole.Midlight: palette.hover,
        QPalette.ColorRole.Mid: palette.line2,
        QPalette.ColorRole.Dark: palette.line2,
        QPalette.ColorRole.Accent: palette.accent,
    }
    result = QPalette()
    for role, colour in roles.items():
        result.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, role, QColor(palette.ink3))
    return result
