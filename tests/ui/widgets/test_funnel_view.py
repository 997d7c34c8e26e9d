"""The sampling funnel: its columns, rows and words, pressed, copied, and without anything left to draw."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from PySide6.QtCore import QBuffer, QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from ui.widgets.funnels import NAMES, VOCABULARY, WORDS, funnel_of, picture_funnel

from app.engine.decode.records import Funnel
from app.engine.decode.settings import DecodingSettings
from app.ui.theme import Theme
from app.ui.widgets.funnel_columns import (
    OFF_WIDTH,
    band_share,
    bar_shares,
    columns_of,
    fate,
    not_shown,
    shown_rows,
    stack,
    survivors_end,
)
from app.ui.widgets.funnel_view import FunnelView

EVERYTHING = DecodingSettings(
    repetition_penalty=1.1,
    frequency_penalty=0.2,
    no_repeat_ngram=2,
    banned=(1,),
    temperature=0.8,
    top_k=40,
    top_p=0.9,
    min_p=0.05,
    typical_p=0.95,
)
SHELL = 1


def view_of(qtbot, theme: Theme, funnel: Funnel | None, width: int = 760, height: int = 390) -> FunnelView:
    view = FunnelView(theme)
    qtbot.addWidget(view)
    view.resize(width, height)
    view.set_funnel(funnel, WORDS)
    view.show()
    return view


def written(view: FunnelView) -> list[tuple[str, float, float]]:
    """What is written in the picture, with the place where each text starts, in pixels."""
    made, buffer = QSvgGenerator(), QBuffer()
    made.setOutputDevice(buffer)
    made.setSize(QSize(view.width(), view.height()))
    made.setResolution(view.logicalDpiX())
    view.render(made, QPoint(), renderFlags=QWidget.RenderFlag.DrawChildren)
    texts = []
    groups = ElementTree.fromstring(bytes(buffer.data().data())).iter("{http://www.w3.org/2000/svg}g")
    for group in groups:
        for text in group.findall("{http://www.w3.org/2000/svg}text"):
            shift = [float(n) for n in re.findall(r"[-\d.e]+", group.get("transform", "matrix(1,0,0,1,0,0)"))][-2:]
            x, y = float(text.get("x", 0)) + shift[0], float(text.get("y", 0)) + shift[1]
            texts.append(("".join(text.itertext()).strip(), x, y))
    return texts


def words_in(view: FunnelView) -> list[str]:
    return [text for text, _, _ in written(view)]


def kinds(funnel: Funnel) -> list[tuple[str, str]]:
    return [(column.name, column.kind) for column in columns_of(funnel)]


def test_columns_stand_in_the_order_of_the_pipeline() -> None:
    assert kinds(picture_funnel()) == [
        ("raw", "raw"),
        ("temperature", "stage"),
        ("top_k", "stage"),
        ("top_p", "stage"),
        ("min_p", "off"),
        ("draw", "draw"),
    ]
    everything = [name for name, kind in kinds(funnel_of(EVERYTHING, 0.4, new=(2, 3))) if kind == "stage"]
    assert everything == [
        "repetition",
        "frequency_presence",
        "ngram",
        "bans",
        "temperature",
        "top_k",
        "top_p",
        "min_p",
        "typical_p",
    ]
    greedy = kinds(funnel_of(DecodingSettings(method="greedy"), None))
    assert [name for name, kind in greedy if kind == "off"] == ["temperature", "top_k", "top_p", "min_p"]


@pytest.mark.parametrize("width", [560, 760, 1400])
@pytest.mark.parametrize("settings", [DecodingSettings(temperature=0.8, top_k=40), EVERYTHING])
def test_columns_never_overlap_nor_leave_the_widget(qtbot, theme: Theme, width: int, settings) -> None:
    places = view_of(qtbot, theme, funnel_of(settings, 0.4, new=(2, 3)), width).columns()
    assert places[0].left > 0 and places[-1].right <= width
    for one, following in pairwise(places):
        assert one.right < following.left
    for place in places:
        assert (place.width == OFF_WIDTH) == (place.column.kind == "off")
    assert len({place.bar for place in places}) == 1


def test_little_width_shortens_bars_then_takes_numbers_of_middle_columns(qtbot, theme: Theme) -> None:
    few, many = picture_funnel(), funnel_of(EVERYTHING, 0.4, new=(2, 3))
    wide, narrow = view_of(qtbot, theme, few, 760).columns(), view_of(qtbot, theme, few, 560).columns()
    assert narrow[0].bar < wide[0].bar
    assert all(place.numbers for place in narrow)
    crowded = view_of(qtbot, theme, many, 560)
    assert [place.numbers for place in crowded.columns()] == [True, *[False] * 8, True, True]
    assert sum("%" in word and "cut" not in word for word in words_in(crowded)) < sum(
        "%" in word and "cut" not in word for word in words_in(view_of(qtbot, theme, many, 1600))
    )


def test_titles_and_counts(qtbot, theme: Theme) -> None:
    said = words_in(view_of(qtbot, theme, picture_funnel()))
    for title in ("Raw logits", "Temperature", "Top-k", "Top-p", "Min-p", "Sampled"):
        assert said.count(title) == 1
    assert said.count("5,632 left") == 2
    assert {"40 left", "6 left", "÷ 0.80", "keep 40", "seed 42", "off", "drawn", "random draw 0.502"} <= set(said)
    assert any(re.fullmatch(r"9\.6% .*cut", word) for word in said)
    assert {"5,620 not shown", "28 not shown"} <= set(said)
    assert "9.80" in said and "20.9%" in said


def test_cut_tokens_say_so_once_and_then_nothing(qtbot, theme: Theme) -> None:
    view = view_of(qtbot, theme, funnel_of(DecodingSettings(top_k=8, min_p=0.3), 0.1))
    texts = written(view)
    top_k, min_p = (next(p for p in view.columns() if p.column.name == name) for name in ("top_k", "min_p"))
    cut = [(x, y) for text, x, y in texts if text == "cut"]
    assert sum(top_k.left < x < top_k.right for x, _ in cut) == 4
    assert sum(min_p.left < x < min_p.right for x, _ in cut) == 4
    last = view.row_rect(11)
    right_of_cut = [text for text, x, y in texts if last.top() < y < last.bottom() and x > top_k.right]
    assert right_of_cut == []


def test_each_fate_is_told_from_the_others() -> None:
    funnel = funnel_of(DecodingSettings(top_k=8, min_p=0.3), 0.1)
    top_k, min_p = (next(i for i, s in enumerate(funnel.stages) if s.name == name) for name in ("top_k", "min_p"))
    assert [fate(funnel, 9, stage) for stage in (top_k - 1, top_k, top_k + 1, min_p)] == [
        "alive",
        "cut",
        "gone",
        "gone",
    ]
    assert fate(funnel, 5, min_p) == "cut"
    shown = tuple(range(12))
    assert survivors_end(funnel, top_k, shown) == 8
    assert survivors_end(funnel, min_p, shown) == 4
    assert survivors_end(funnel, min_p, (0, 1, 2)) is None
    assert not_shown(funnel, top_k, (0, 1, 2)) == 5


@pytest.mark.parametrize("height", [220, 300, 390, 900])
def test_words_between_rows_tell_how_many_more_were_kept(qtbot, theme: Theme, height: int) -> None:
    """Forty are kept, and the last of them is drawn: its row stands under those of the first ones."""
    funnel = funnel_of(DecodingSettings(top_k=40, temperature=2.0), 0.99999)
    assert funnel.rows[-1].kept_before == 40 - len(funnel.rows)
    view = view_of(qtbot, theme, funnel, 760, height)
    shown = view.shown_rows()
    assert view.between() == [f"… {40 - len(shown)} more kept here"]
    text, _, y = next(each for each in written(view) if "more kept" in each[0])
    assert text == view.between()[0]
    above, below = view.row_rect(shown[-2]), view.row_rect(shown[-1])
    assert above.bottom() < y <= below.top() and below.bottom() <= height, "between the two, over neither"
    tip = view._picture.tip(QPointF(200, (above.bottom() + below.top()) / 2)) if view._picture else ""
    assert tip.startswith(f"{40 - len(shown)} tokens that stand between these rows")
    nothing = view_of(qtbot, theme, picture_funnel(), 760, 900)
    assert nothing.between() == [], "the first that was cut follows the last that was kept"


def test_no_line_where_survivors_are_not_the_top_rows() -> None:
    funnel = funnel_of(DecodingSettings(banned=(1, 4)), 0.1)
    bans = next(i for i, stage in enumerate(funnel.stages) if stage.name == "bans")
    assert fate(funnel, 1, bans) == "cut"
    assert survivors_end(funnel, bans, tuple(range(12))) is None


def test_bars_compare_across_columns(qtbot, theme: Theme) -> None:
    funnel = picture_funnel()
    shares = bar_shares(funnel)
    temperature, top_p = (next(i for i, s in enumerate(funnel.stages) if s.name == n) for n in ("temperature", "top_p"))
    assert shares[top_p][0] == 1.0
    before, after = (funnel.stages[stage].probabilities[0] for stage in (temperature, top_p))
    assert shares[temperature][0] == pytest.approx(before / after)
    view = view_of(qtbot, theme, funnel)
    image = view.grab().toImage()
    place = next(place for place in view.columns() if place.column.name == "top_p")

    def length(row: int) -> int:
        y = round(view.row_rect(row).center().y())
        span = range(int(place.left), int(place.left + place.bar) + 1)
        return sum(image.pixelColor(x, y) == theme.bar_color() for x in span)

    assert length(1) / length(0) == pytest.approx(shares[top_p][1], abs=0.06)
    assert length(8) == 0


def test_the_best_of_negative_logits_has_the_longest_bar() -> None:
    raw = bar_shares(funnel_of(DecodingSettings(), 0.1, shift=-40.0))[0]
    assert raw[0] == 1.0
    assert list(raw) == sorted(raw, reverse=True)
    assert raw[-1] > 0


def test_the_band_follows_the_logarithm() -> None:
    assert band_share(VOCABULARY, VOCABULARY) == 1.0
    assert band_share(100, 10_000) == pytest.approx(0.5)
    assert band_share(1, VOCABULARY) == band_share(0, VOCABULARY) == 0.0


@pytest.mark.parametrize("height", [60, 120, 200, 300, 390, 900])
def test_rows_are_whole_and_the_chosen_one_is_among_them(qtbot, theme: Theme, height: int) -> None:
    funnel = funnel_of(DecodingSettings(temperature=1.5), 0.9999)
    assert funnel.chosen == funnel.rows[-1].token_id
    view = view_of(qtbot, theme, funnel, 760, height)
    shown = view.shown_rows()
    assert shown[-1] == len(funnel.rows) - 1
    if height >= 120:
        assert view.row_rect(shown[-1]).bottom() <= height + 0.01
    for row in range(len(funnel.rows)):
        assert view.row_rect(row).isEmpty() == (row not in shown)


def test_a_low_widget_gives_up_the_band_before_the_rows() -> None:
    high, low = stack(390, 52, 20, 12, 42), stack(150, 52, 20, 12, 42)
    assert high.fit == 12 and high.band == 30
    assert low.band == 0 and low.foot_top is None and low.fit >= 3
    assert high.foot_top is not None and high.rows_bottom <= high.foot_top <= 390 - 42
    assert shown_rows(picture_funnel(), 1) == (SHELL,)


@pytest.mark.parametrize("size", [(560, 200), (560, 300), (760, 390), (1300, 700)])
def test_nothing_is_written_outside(qtbot, theme: Theme, size: tuple[int, int]) -> None:
    view = view_of(qtbot, theme, funnel_of(EVERYTHING, 0.97, new=(2, 3)), *size)
    texts = written(view)
    assert len(texts) > 20
    assert [text for text in texts if not (0 <= text[1] < size[0] and 0 < text[2] <= size[1])] == []


def test_clicks_and_hovering_tell_the_token(qtbot, theme: Theme) -> None:
    view = view_of(qtbot, theme, picture_funnel())
    clicked: list[int] = []
    hovered: list[int] = []
    view.row_clicked.connect(clicked.append)
    view.hovered.connect(hovered.append)
    QTest.mouseMove(view, view.row_rect(3).center().toPoint())
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.row_rect(2).center().toPoint())
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(300, 3))
    assert clicked == [2]
    assert hovered[0] == 3
    view.set_funnel(None, {})
    assert hovered[-1] == -1


def test_keys_walk_the_shown_rows_and_enter_takes_one(qtbot, theme: Theme) -> None:
    view = view_of(qtbot, theme, funnel_of(DecodingSettings(temperature=1.5), 0.9999), 760, 200)
    clicked: list[int] = []
    view.row_clicked.connect(clicked.append)
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert clicked == []
    for _ in range(30):
        QTest.keyClick(view, Qt.Key.Key_Down)
    QTest.keyClick(view, Qt.Key.Key_Return)
    QTest.keyClick(view, Qt.Key.Key_Up)
    QTest.keyClick(view, Qt.Key.Key_Enter)
    funnel = view.funnel()
    assert funnel is not None
    assert clicked == [funnel.chosen, funnel.rows[view.shown_rows()[-2]].token_id]


def test_the_table_has_every_row_and_a_column_a_stage(qtbot, theme: Theme) -> None:
    view = view_of(qtbot, theme, picture_funnel(), 760, 200)
    QTest.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    assert lines[0] == ["token", "logit", "raw probability", "Temperature", "Top-k", "Top-p"]
    assert [line[0] for line in lines[1:]] == [f"␣{name}" for name in NAMES]
    assert lines[1][1] == "9.8"
    assert float(lines[2][5]) == pytest.approx(0.209, abs=0.001)
    assert lines[-1][5] == "0"
    assert view.table_text() == QGuiApplication.clipboard().text()


def test_it_is_told_in_one_sentence(qtbot, theme: Theme) -> None:
    view = view_of(qtbot, theme, picture_funnel())
    assert view.accessibleName() == "Sampling funnel"
    assert view.accessibleDescription() == (
        "5,632 tokens, 40 left after Top-k, 6 left after Top-p; ␣shell, 20.9%, was drawn by the random number 0.502."
    )


def test_what_would_be_chosen_and_what_was_forced_are_named_so(qtbot, theme: Theme) -> None:
    drawn = picture_funnel()
    said = words_in(view := view_of(qtbot, theme, replace(drawn, supposed=True)))
    assert "would be drawn" in said and "drawn" not in said and "Sampled" not in said
    assert "would be drawn by the random number 0.502" in view.accessibleDescription()
    said = words_in(view := view_of(qtbot, theme, replace(drawn, forced=True, draw=None)))
    assert {"Forced", "forced", "forced, nothing to draw"} <= set(said) and "taken" not in said
    assert "␣shell was forced" in view.accessibleDescription()


def test_without_a_draw_the_likeliest_is_taken(qtbot, theme: Theme) -> None:
    view = view_of(qtbot, theme, funnel_of(DecodingSettings(method="greedy"), None))
    said = words_in(view)
    assert {"Taken", "taken", "takes the likeliest", "28.0%"} <= set(said)
    assert "Sampled" not in said and "drawn" not in said
    assert "taken as the likeliest" in view.accessibleDescription()


def test_the_chosen_row_has_its_ground_and_its_part_of_the_strip(qtbot, theme: Theme) -> None:
    view = view_of(qtbot, theme, picture_funnel())
    image = view.grab().toImage()
    row = view.row_rect(SHELL)
    assert image.pixelColor(3, round(row.center().y())) == theme.color("accentsoft")
    assert image.pixelColor(3, round(view.row_rect(0).center().y())) != theme.color("accentsoft")
    left, right = (int(x) for x in (view.columns()[3].left, view.columns()[-1].right))
    y = round(view.row_rect(11).bottom()) + 15
    accent = [x for x in range(left, right) if image.pixelColor(x, y) == theme.color("accent")]
    part = next(part for part in picture_funnel().strip if part.token_id == SHELL)
    assert (accent[0] - left) / (right - left) == pytest.approx(part.start, abs=0.02)
    assert (accent[-1] - left) / (right - left) == pytest.approx(part.end, abs=0.02)
    # The tick of the draw stands inside the part and interrupts its colour.
    ticks = [x for x in range(accent[0], accent[-1]) if image.pixelColor(x, y) != theme.color("accent")]
    assert (ticks[0] - left) / (right - left) == pytest.approx(0.502, abs=0.02)


def test_everything_cut_is_said(qtbot, theme: Theme) -> None:
    view = view_of(qtbot, theme, funnel_of(DecodingSettings(banned=tuple(range(VOCABULARY))), 0.4))
    said = " ".join(words_in(view))
    assert "No token is left after Bans" in said
    assert "none left" in said
    assert "random draw" not in said and "drawn " not in said.replace("be drawn", "")
    assert "nothing can be drawn" in view.accessibleDescription()


def test_no_funnel_says_what_to_do(qtbot, theme: Theme) -> None:
    view = view_of(qtbot, theme, None)
    assert "No token yet" in " ".join(words_in(view))
    assert view.table_text() == ""
    assert view.row_rect(0) == QRectF()


@pytest.mark.parametrize("choice", ["light", "dark"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_figures_that_are_none_are_painted_all_the_same(qtbot, choice: str, bad: float) -> None:
    good = picture_funnel()
    stages = tuple(replace(stage, lost=bad, probabilities=(bad,) * len(good.rows)) for stage in good.stages)
    strip = tuple(replace(part, start=bad, end=bad) for part in good.strip)
    rows = tuple(replace(row, logit=bad) for row in good.rows)
    broken = replace(good, rows=rows, stages=stages, strip=strip, draw=bad)
    view = view_of(qtbot, Theme(choice), broken)
    sign = {"nan": "NaN", "inf": "∞", "-inf": "−∞"}[str(bad)]
    assert words_in(view).count(sign) >= len(rows)
    assert view.table_text().count(str(bad)) >= len(rows)


def test_both_themes_paint_with_their_own_colours(qtbot) -> None:
    images: list[QImage] = []
    for choice in ("light", "dark"):
        theme = Theme(choice)
        view = view_of(qtbot, theme, funnel_of(EVERYTHING, 0.4, new=(2, 3)))
        images.append(view.grab().toImage())
        colours = {images[-1].pixelColor(x, y).rgb() for x in range(0, 760, 2) for y in range(0, 390, 2)}
        assert {theme.color("accentsoft").rgb(), theme.bar_color().rgb(), theme.color("line2").rgb()} <= colours
    assert images[0] != images[1]
