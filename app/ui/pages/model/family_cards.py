"""The three kinds of transformer: who may look at whom, and which kind the open model is."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.engine.models.records import ModelSummary
from app.ui.theme import Theme
from app.ui.widgets.painting import outline_round

_CELLS = 6
KINDS = (
    ("decoder", "Decoder only", "looks back, writes on", "GPT-2, Llama, Qwen"),
    ("encoder", "Encoder only", "looks both ways", "BERT, RoBERTa"),
    ("encoder-decoder", "Encoder and decoder", "reads, then writes", "T5, BART"),
)


class FamilyCard(QWidget):
    """One kind; the open model's own carries its numbers."""

    def __init__(self, theme: Theme, kind: str, title: str, sentence: str, examples: str) -> None:
        super().__init__()
        self._theme, self._kind = theme, kind
        self._title, self._sentence, self._examples = title, sentence, examples
        self._numbers: list[str] = []
        self._pitch = 5.0 if kind == "encoder-decoder" else 7.0
        self.setMinimumSize(160, 104)
        self.setAccessibleName(f"{title}: {sentence}")
        theme.changed.connect(self._on_theme)

    def set_numbers(self, numbers: list[str]) -> None:
        """The open model's sizes when it is of this kind, else nothing."""
        self._numbers = numbers
        self.setAccessibleDescription(f"this model: {', '.join(numbers)}" if numbers else "")
        self.setMinimumHeight(104 + 17 * len(numbers))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(300, 104 + 17 * len(self._numbers))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color, own = self._theme.color, bool(self._numbers)
        rect = QRectF(self.rect())
        outline_round(
            painter,
            rect,
            8,
            color("accent" if own else "line"),
            2.0 if own else 1.0,
            color("accentsoft" if own else "surface"),
        )
        room = rect.width() - 28 - self._drawing_width() - 10
        y = 10.0
        lines = [
            (self._title, self._theme.font(13, 600), "accent" if own else "ink"),
            (self._sentence, self._theme.font(12), "ink2"),
            (self._examples, self._theme.font(12), "ink3"),
        ]
        if own:
            lines.append(("this model", self._theme.font(12, 600), "accent"))
        for text, font, token in lines:
            painter.setFont(font)
            painter.setPen(color(token))
            # The title stands above the drawing and has the whole width.
            wide = rect.width() - 28 if text == self._title else room
            shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, wide)
            painter.drawText(QRectF(14, y, wide + 4, 18), Qt.AlignmentFlag.AlignVCenter, shown)
            y += 18
        painter.setFont(self._theme.font(12, mono=True))
        painter.setPen(color("ink2"))
        metrics = QFontMetricsF(painter.font())
        for text in self._numbers:
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, rect.width() - 28)
            painter.drawText(QRectF(14, y + 2, rect.width() - 24, 17), Qt.AlignmentFlag.AlignVCenter, shown)
            y += 17
        self._paint_drawing(painter, rect.right() - 14 - self._drawing_width(), 34)
        painter.end()

    def _drawing_width(self) -> float:
        grid = _CELLS * self._pitch
        return 2 * grid + 12 if self._kind == "encoder-decoder" else grid

    def _paint_drawing(self, painter: QPainter, left: float, top: float) -> None:
        """Who looks at whom: filled cells are seen; the decoder's own part is a staircase."""
        grids = {"decoder": (True,), "encoder": (False,), "encoder-decoder": (False, True)}[self._kind]
        for place, causal in enumerate(grids):
            x = left + place * (_CELLS * self._pitch + 12)
            for row in range(_CELLS):
                for column in range(_CELLS):
                    seen = not causal or column <= row
                    fill = self._theme.lut_color("probability", 0.6) if seen else self._theme.color("mask")
                    painter.fillRect(
                        QRectF(x + column * self._pitch, top + row * self._pitch, self._pitch - 1, self._pitch - 1),
                        fill,
                    )
        if len(grids) > 1:
            middle = left + _CELLS * self._pitch
            painter.fillRect(QRectF(middle + 1, top + _CELLS * self._pitch / 2 - 1, 9, 2), self._theme.color("accent"))

    @Slot()
    def _on_theme(self) -> None:
        self.update()


class FamilyCards(QWidget):
    """The three cards, one under the other."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.cards = {kind: FamilyCard(theme, kind, *words) for kind, *words in KINDS}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        for card in self.cards.values():
            layout.addWidget(card)
        layout.addStretch(1)

    def show_model(self, summary: ModelSummary | None) -> None:
        """Give the card of this model's kind its numbers."""
        for kind, card in self.cards.items():
            card.set_numbers(numbers_of(summary) if summary is not None and summary.kind == kind else [])


def numbers_of(summary: ModelSummary) -> list[str]:
    """A model's sizes, a line each."""
    heads = f"{summary.heads} heads × {summary.head_dim}"
    if summary.kv_heads != summary.heads:
        heads = f"{summary.heads} heads, {summary.kv_heads} KV × {summary.head_dim}"
    lines = [f"{summary.layers} blocks", heads, f"width {summary.width:,}"]
    if summary.mlp_width:
        lines.append(f"MLP {summary.mlp_width:,} wide")
    lines.append(f"vocabulary {summary.vocabulary:,}")
    if summary.context:
        lines.append(f"context {summary.context:,}")
    return [*lines, "positions:", f"  {summary.position}"]
