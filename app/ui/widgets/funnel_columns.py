"""Which columns the sampling funnel has, which rows, and where they stand: pure arithmetic, no painting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isfinite, log10

from app.engine.decode.records import Funnel

COMMON = ("temperature", "top_k", "top_p", "min_p")
"""Stages that keep a narrow column while they are off; the others are left out then."""

OFF_WIDTH = 44.0
_GAP, _TIGHT_GAP = 14.0, 8.0
_SPACE = 6.0
"""Between a bar and what is written beside it."""
SHORT_BAR = 20.0
"""Where bars would get shorter, numbers go."""
_SPARE_BAND = 8.0
_LOOSE_ROW = 1.35
_FEW = 2
_BAND_AND_ROWS = ((30.0, 6), (18.0, 3), (0.0, 1))
"""How high the band may be, and how many rows must fit beside it for that."""


@dataclass(frozen=True)
class Column:
    """One column of the picture."""

    kind: str
    """"raw", "stage" (acts), "off" (does not act) or "draw"."""
    name: str
    """The stage's name, "draw" for the last column."""
    stage: int
    """Place in `Funnel.stages` of the distribution that it shows."""

    @property
    def narrow(self) -> bool:
        """Whether it has no bars."""
        return self.kind == "off"


@dataclass(frozen=True)
class Tail:
    """Pixels that stand beside a column's bars: with numbers, and when those of middle columns had to go."""

    full: float
    least: float


@dataclass(frozen=True)
class Place:
    """A column and where it stands."""

    column: Column
    left: float
    width: float
    bar: float
    """Pixels of the longest bar, the same in every column so that bars can be compared across."""
    tail: float
    """Pixels right of the bars for a number or a word."""
    numbers: bool

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.left + self.width


@dataclass(frozen=True)
class Heights:
    """What stands at which height."""

    band_top: float
    band: float
    """Height of the survivors band where every token is left; 0 when there is no room for one."""
    rows_top: float
    pitch: float
    fit: int
    """How many rows there is room for."""
    foot_top: float | None
    """Where the strip begins; None when there is no room for it."""
    between: float = 0.0
    """Height of the words between rows, of all of them together."""

    @property
    def rows_bottom(self) -> float:
        """Under the last row."""
        return self.rows_top + self.fit * self.pitch + self.between


def columns_of(funnel: Funnel) -> tuple[Column, ...]:
    """The columns from left to right: raw logits, the stages in the order in which they act, the draw."""
    made = [Column("raw", "raw", 0)]
    for place, stage in enumerate(funnel.stages):
        if place == 0:
            continue
        if stage.active:
            made.append(Column("stage", stage.name, place))
        elif stage.name in COMMON:
            made.append(Column("off", stage.name, place))
    made.append(Column("draw", "draw", len(funnel.stages) - 1))
    return tuple(made)


def place_columns(columns: Sequence[Column], tails: Sequence[Tail], left: float, right: float) -> tuple[Place, ...]:
    """Put the columns side by side. Too little room shortens the bars first, then takes numbers of middle columns."""
    barred = [place for place, column in enumerate(columns) if not column.narrow]
    # Raw logits, the last stage and the draw are what a reader compares: their numbers stay.
    middle = set(barred[1:-2])
    whole = [tail.full for tail in tails]
    fewer = [tail.least if place in middle else tail.full for place, tail in enumerate(tails)]
    bar, gap, shown = 0.0, _GAP, whole
    for gap, shown in ((_GAP, whole), (_TIGHT_GAP, whole), (_TIGHT_GAP, fewer)):
        beside = sum(shown[place] + _SPACE if shown[place] else 0.0 for place in barred)
        narrow = OFF_WIDTH * (len(columns) - len(barred))
        bar = (right - left - gap * (len(columns) - 1) - narrow - beside) / len(barred)
        if bar >= SHORT_BAR:
            break
    bar = max(bar, 2.0)
    made, x = [], left
    for place, column in enumerate(columns):
        tail = 0.0 if column.narrow else shown[place]
        width = OFF_WIDTH if column.narrow else bar + (tail + _SPACE if tail else 0.0)
        made.append(Place(column, x, width, bar, tail, shown is whole or place not in middle))
        x += width + gap
    return tuple(made)


def stack(
    height: float, header: float, line: float, rows: int, foot: float, between: Callable[[int], float] = lambda _: 0.0
) -> Heights:
    """Header, band, rows and foot under each other; a low widget loses the band and the foot before its last rows.

    `between` gives the height of the words between so many rows.
    """

    def fitting(room: float) -> int:
        return next((fit for fit in range(rows, 1, -1) if fit * line + between(fit) <= room), 1)

    top, room, band = header, height - header, 0.0
    for band, wanted in _BAND_AND_ROWS:
        top = header + (band + 2 * _SPARE_BAND if band else _SPARE_BAND)
        room = height - top - (foot if band else 0.0)
        if fitting(room) >= min(rows, wanted):
            break
    fit = fitting(room)
    words = between(fit)
    pitch = min(max((room - words) / fit, line), line * _LOOSE_ROW)
    return Heights(header + _SPARE_BAND, band, top, pitch, fit, top + fit * pitch + words if band else None, words)


def chosen_row(funnel: Funnel) -> int | None:
    """Which row was chosen."""
    ids = [row.token_id for row in funnel.rows]
    return None if funnel.chosen not in ids else ids.index(funnel.chosen)


def shown_rows(funnel: Funnel, fit: int) -> tuple[int, ...]:
    """The rows there is room for: the first ones, with the chosen one and the first that was cut among them.

    In room for one or two the cut one is left out.
    """
    cut = next((place for place, row in enumerate(funnel.rows) if row.cut_by), None)
    wanted = [chosen_row(funnel), cut if fit > _FEW else None]
    musts = {row for row in wanted if row is not None}
    others = (row for row in range(len(funnel.rows)) if row not in musts)
    return tuple(sorted([*musts, *islice(others, max(fit - len(musts), 0))]))


def kept_between(funnel: Funnel, shown: Sequence[int]) -> tuple[int, ...]:
    """For each row shown how many tokens that every stage kept stand between the one shown before it and it."""
    between, before = [], -1
    for row in shown:
        passed = sum(not each.cut_by for each in funnel.rows[before + 1 : row])
        between.append(passed + sum(each.kept_before for each in funnel.rows[before + 1 : row + 1]))
        before = row
    return tuple(between)


def fate(funnel: Funnel, row: int, stage: int) -> str:
    """What a token is after a stage: "alive", "cut" by this very stage, or "gone" before it."""
    names = [made.name for made in funnel.stages]
    cut_by = funnel.rows[row].cut_by
    if cut_by not in names or names.index(cut_by) > stage:
        return "alive"
    return "cut" if names.index(cut_by) == stage else "gone"


def survivors_end(funnel: Funnel, stage: int, shown: Sequence[int]) -> int | None:
    """After how many of the shown rows the survivors of a cutting stage end; None where they are not the top ones."""
    fates = [fate(funnel, row, stage) for row in shown]
    if "cut" not in fates:
        return None
    end = fates.index("cut")
    return None if "alive" in fates[end:] or "alive" not in fates else end


def not_shown(funnel: Funnel, stage: int, shown: Sequence[int]) -> int:
    """How many of the tokens left after a stage are not among the rows shown."""
    return max(funnel.stages[stage].left - sum(fate(funnel, row, stage) == "alive" for row in shown), 0)


def band_share(left: int, vocabulary: int) -> float:
    """How much of its full height the survivors band has, on a scale of log10."""
    return min(log10(max(left, 1)) / log10(max(vocabulary, 2)), 1.0)


def bar_shares(funnel: Funnel) -> tuple[tuple[float, ...], ...]:
    """How long each row's bar is in each stage, 0..1 of the longest; probabilities share one scale, raw logits not.

    Only differences between logits mean something. Where all are above 0 their bars start there; otherwise a little
    below the lowest, so that the best one has the longest bar.
    """
    logits = [row.logit for row in funnel.rows]
    known = [value for value in logits if isfinite(value)]
    highest, lowest = (max(known), min(known)) if known else (1.0, 0.0)
    start = 0.0 if lowest >= 0 else lowest - (highest - lowest or 1.0) / 4
    raw = tuple(_share(value - start, highest - start) for value in logits)
    seen = [p for stage in funnel.stages[1:] for p in stage.probabilities if isfinite(p)]
    most = max(seen, default=1.0)
    return (raw, *(tuple(_share(p, most) for p in stage.probabilities) for stage in funnel.stages[1:]))


def _share(value: float, of: float) -> float:
    if not isfinite(value) or not isfinite(of) or of <= 0:
        return 0.0
    return min(max(value / of, 0.0), 1.0)
