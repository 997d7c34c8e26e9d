"""One token chip: what it holds and how it is painted."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPixmap, QPixmapCache

from app.ui.theme import Theme, text_on
from app.ui.widgets.painting import fill_round, outline_round
from app.ui.widgets.token_text import faint_prefix, visible_token

_RIM = 5
INSPECT = "inspect"
GENERATE = "generate"


@dataclass(frozen=True, slots=True)
class Chip:
    """A token: its text, id, probability 0..1 (of a generated one), and whether the person wrote it."""

    text: str
    token_id: int | None
    probability: float | None
    is_prompt: bool
    shown: str
    shade: float | None = None
    """What colours the chip instead of the probability, 0..1, darkest at 1; NaN where that is not known."""

    @property
    def unknown(self) -> bool:
        """Whether what should colour it is not known: it is outlined with dashes."""
        return self.shade is not None and math.isnan(self.shade)

    @property
    def strength(self) -> float | None:
        """How dark the chip is, None for one that is only outlined."""
        return None if self.unknown else self.probability if self.shade is None else self.shade

    @classmethod
    def of(cls, text: str, token_id: int | None, probability: float | None, is_prompt: bool) -> Chip:
        """A chip with the text made visible."""
        return cls(text, token_id, probability, is_prompt, visible_token(text))


@dataclass(frozen=True, slots=True)
class ChipState:
    """What the strip knows about a chip at this moment; `weight` is an attention weight 0..1."""

    selected: bool = False
    hovered: bool = False
    dimmed: bool = False
    weight: float | None = None
    ringed: bool = False
    """Marked as the place where two texts part."""


class ChipPainter:
    """Measures and paints chips in one of the two styles."""

    def __init__(self, theme: Theme, style: str) -> None:
        self._theme = theme
        self._inspect = style == INSPECT
        self._font = theme.font(14 if self._inspect else 15, mono=True)
        self._bold = theme.font(14 if self._inspect else 15, 700, mono=True)
        self._id_font = theme.font(11, mono=True)
        self._metrics = QFontMetricsF(self._font)
        self._id_metrics = QFontMetricsF(self._id_font)
        self._padding = 6 if self._inspect else 4
        self._measured: dict[str, int] = {}
        line = self._metrics.height()
        self.chip_height = round(line + (10 if self._inspect else 9))
        self.id_height = 0
        self.scale = "probability"
        """Name of the map that the chips of "generate" are coloured by."""
        self.show_ids(self._inspect)

    def show_ids(self, shown: bool) -> None:
        """Whether ids stand under the chips."""
        self._ids = shown
        self.id_height = round(self._id_metrics.height() + 4) if shown else 0
        self._measured.clear()

    def width(self, chip: Chip) -> int:
        """Pixels the chip takes, its id included."""
        key = f"{chip.shown}\0{chip.token_id}" if self._ids else chip.shown
        if key not in self._measured:
            text = self._metrics.horizontalAdvance(chip.shown) + 2 * self._padding
            under = self._id_metrics.horizontalAdvance(_id_text(chip)) if self._ids else 0.0
            self._measured[key] = max(round(max(text, under)), 22 if self._inspect else 16)
        return self._measured[key]

    def paint(self, painter: QPainter, rect: QRectF, chip: Chip, state: ChipState) -> None:
        """Put the chip at `rect`; its id's line lies under it.

        A text that is being written scrolls, so the same chips come again and again: pictures of them are kept. Weights
        change with every hovered query, so chips that show one are painted afresh.
        """
        if state.weight is not None:
            self._paint(painter, rect, chip, state)
            return
        ratio = painter.device().devicePixelRatioF()
        # Qt's own cache, because pictures kept by Python would outlive the application at exit.
        key = (
            f"chip/{self._theme.palette.name}/{self._inspect}{self._ids}/{ratio}/{rect.width()}/{state.selected}{state.hovered}"
            f"{state.dimmed}/{chip.is_prompt}/{chip.shade}/{chip.strength}/{self.scale}/{state.ringed}/{chip.token_id}/{chip.shown}"
        )
        picture = QPixmap()
        if not QPixmapCache.find(key, picture):
            picture = self._picture(chip, state, rect.width(), ratio)
            QPixmapCache.insert(key, picture)
        painter.drawPixmap(rect.topLeft() - QPointF(_RIM, _RIM), picture)

    def _picture(self, chip: Chip, state: ChipState, width: float, ratio: float) -> QPixmap:
        """The chip with a rim wide enough for its ring and its id, at `ratio` device pixels to the pixel."""
        wide, high = width + 2 * _RIM, self.chip_height + self.id_height + 2 * _RIM
        picture = QPixmap(math.ceil(wide * ratio), math.ceil(high * ratio))
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint(painter, QRectF(_RIM, _RIM, width, self.chip_height), chip, state)
        painter.end()
        return picture

    def _paint(self, painter: QPainter, rect: QRectF, chip: Chip, state: ChipState) -> None:
        ink = self._paint_box(painter, rect, chip, state)
        self._paint_text(painter, rect, chip, state, ink)
        self._paint_underline(painter, rect, chip, state)
        if state.ringed and not state.selected:
            outline_round(painter, rect.adjusted(-2.5, -2.5, 2.5, 2.5), 5, self._theme.color("b"), 2.0)
        if state.selected:
            # Around a filled chip the ring stands outside, apart from the fill.
            ring = rect if self._inspect else rect.adjusted(-2.5, -2.5, 2.5, 2.5)
            outline_round(painter, ring, 5, self._theme.color("accent"), 2.0)
        if self._ids:
            self._paint_id(painter, rect, chip, state)

    def _paint_box(self, painter: QPainter, rect: QRectF, chip: Chip, state: ChipState) -> QColor:
        """The chip's ground; gives back the colour of the text on it."""
        color = self._theme.color
        if self._inspect:
            fill = color("hover") if state.hovered else color("sunken")
            if state.selected:
                fill_round(painter, rect, 5, color("accentsoft"))
            elif state.dimmed:
                outline_round(painter, rect, 5, color("line"), 1.0, fill, Qt.PenStyle.DashLine)
            else:
                outline_round(painter, rect, 5, color("line"), 1.0, fill)
            return color("accent") if state.selected else color("ink3" if state.dimmed else "ink")
        strength = chip.strength
        if chip.unknown and not chip.is_prompt:
            ground = color("hover" if state.hovered else "surface")
            outline_round(painter, rect, 4, color("line2"), 1.0, ground, Qt.PenStyle.DashLine)
            return color("ink2")
        if strength is None or (chip.is_prompt and chip.shade is None):
            outline_round(painter, rect, 4, color("line"), 1.0, color("hover" if state.hovered else "surface"))
            return color("ink2")
        fill = self._theme.chip_fill(strength, self.scale)
        fill_round(painter, rect, 4, fill)
        if state.hovered and not state.selected:
            outline_round(painter, rect, 4, color("line2"))
        return color("ink") if _readable(color("ink"), fill) else text_on(fill)

    def _paint_text(self, painter: QPainter, rect: QRectF, chip: Chip, state: ChipState, ink: QColor) -> None:
        painter.setFont(self._bold if state.selected and self._inspect else self._font)
        room = rect.width() - 2 * self._padding
        shown, advance = chip.shown, self._metrics.horizontalAdvance(chip.shown)
        if advance > room + 1:
            shown = self._metrics.elidedText(chip.shown, Qt.TextElideMode.ElideMiddle, room)
            advance = self._metrics.horizontalAdvance(shown)
        left = rect.left() + (rect.width() - advance) / 2
        baseline = rect.center().y() + (self._metrics.ascent() - self._metrics.descent()) / 2
        split = faint_prefix(shown)
        if split:
            faint = QColor(ink)
            faint.setAlphaF(0.62)
            painter.setPen(faint)
            painter.drawText(QPointF(left, baseline), shown[:split])
            left += self._metrics.horizontalAdvance(shown[:split])
        painter.setPen(ink)
        painter.drawText(QPointF(left, baseline), shown[split:])

    def _paint_underline(self, painter: QPainter, rect: QRectF, chip: Chip, state: ChipState) -> None:
        if state.weight is not None and self._inspect:
            length = rect.width() * min(max(state.weight, 0.0), 1.0)
            bar = QRectF(rect.left(), rect.bottom() - 3, max(length, 1.0), 3)
            fill_round(painter, bar, 1.5, self._theme.bar_color())
        elif not self._inspect and chip.strength is not None and (not chip.is_prompt or chip.shade is not None):
            length = (rect.width() - 6) * min(max(chip.strength, 0.0), 1.0)
            bar = QRectF(rect.left() + 3, rect.bottom() - 5, max(length, 2.0), 3)
            fill_round(painter, bar, 1, self._theme.chip_underline(self.scale))

    def _paint_id(self, painter: QPainter, rect: QRectF, chip: Chip, state: ChipState) -> None:
        painter.setFont(self._id_font)
        painter.setPen(self._theme.color("accent" if state.selected else "ink3"))
        under = QRectF(rect.left() - 4, rect.bottom() + 2, rect.width() + 8, self.id_height)
        painter.drawText(under, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, _id_text(chip))


def _id_text(chip: Chip) -> str:
    return "" if chip.token_id is None else str(chip.token_id)


def _readable(ink: QColor, fill: QColor) -> bool:
    """Whether the theme's own ink is on the same side as the best possible text colour."""
    return (ink.lightnessF() > 0.5) == (text_on(fill).lightnessF() > 0.5)
