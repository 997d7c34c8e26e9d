"""Panel, segments, bars, banner, empty state, job strip, top bar, rail and Explain, pressed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from app.ui.explanation import Explanation, ShapeBlock
from app.ui.theme import Theme
from app.ui.widgets import job_strip
from app.ui.widgets.banner import Banner
from app.ui.widgets.empty_state import CausalDrawing, EmptyState
from app.ui.widgets.explain_panel import COLLAPSED_WIDTH, OPEN_WIDTH, ExplainPanel
from app.ui.widgets.job_strip import JobStrip
from app.ui.widgets.panel import Panel
from app.ui.widgets.probability_bars import ProbabilityBars
from app.ui.widgets.rail import Rail
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.shape_blocks import ShapeBlocks
from app.ui.widgets.top_bar import TopBar

ROWS = [(" Ada", 0.6, None), (" her", 0.25, None), ("\n", 0.0512, None)]


def press(button: QWidget) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def words_in(widget: QWidget) -> str:
    return " ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


def test_a_panel_shows_its_title_and_controls(qtbot, theme: Theme) -> None:
    panel = Panel(theme, "Attention", "L3 · H2")
    qtbot.addWidget(panel)
    button = QPushButton("Ablate")
    panel.add_header_widget(button)
    panel.body_layout.addWidget(QLabel("body"))
    panel.resize(400, 200)
    panel.show()
    assert words_in(panel) == "Attention L3 · H2 body"
    assert button.x() > panel.width() / 2
    panel.set_subtitle("L0 · H0")
    assert "L0 · H0" in words_in(panel)


def test_segments_by_mouse_and_keys(qtbot, theme: Theme) -> None:
    choice = Segmented(theme, ["Greedy", "Sample", "Beam"], "Method")
    qtbot.addWidget(choice)
    choice.show()
    heard: list[int] = []
    choice.changed.connect(heard.append)
    press(choice.button(1))
    press(choice.button(1))
    assert heard == [1]
    QTest.keyClick(choice.button(1), Qt.Key.Key_Right)
    QTest.keyClick(choice.button(2), Qt.Key.Key_Right)
    QTest.keyClick(choice.button(2), Qt.Key.Key_Home)
    assert heard == [1, 2, 0]
    assert choice.label() == "Greedy"
    assert [choice.button(i).isChecked() for i in range(3)] == [True, False, False]
    choice.set_index(2)
    assert heard == [1, 2, 0]
    choice.set_segment_enabled(1, False, "Not with this model.")
    QTest.keyClick(choice.button(2), Qt.Key.Key_Left)
    assert choice.index() == 0


def test_choosing_a_segment_moves_nothing(qtbot, theme: Theme) -> None:
    choice = Segmented(theme, ["Weights", "Scores"])
    qtbot.addWidget(choice)
    choice.show()
    before = [choice.button(i).geometry() for i in range(2)]
    press(choice.button(1))
    assert [choice.button(i).geometry() for i in range(2)] == before


@pytest.fixture
def bars(qtbot, theme: Theme) -> ProbabilityBars:
    bars = ProbabilityBars(theme)
    bars.set_rows(ROWS)
    qtbot.addWidget(bars)
    bars.resize(400, bars.sizeHint().height())
    bars.show()
    return bars


def test_bars_are_as_long_as_their_probability(theme: Theme, bars: ProbabilityBars) -> None:
    image = bars.grab().toImage()

    def length(row: int) -> int:
        y = round(bars.row_rect(row).center().y())
        return sum(image.pixelColor(x, y) == theme.bar_color() for x in range(image.width()))

    assert length(1) / length(0) == pytest.approx(0.25 / 0.6, abs=0.05)
    assert 0 < length(2) < length(1)


def test_bars_tell_hover_click_and_keys(bars: ProbabilityBars) -> None:
    hovered: list[int] = []
    clicked: list[int] = []
    bars.hovered.connect(hovered.append)
    bars.clicked.connect(clicked.append)
    QTest.mouseMove(bars, bars.row_rect(1).center().toPoint())
    QTest.mouseClick(bars, Qt.MouseButton.LeftButton, pos=bars.row_rect(2).center().toPoint())
    QTest.keyClick(bars, Qt.Key.Key_Up)
    QTest.keyClick(bars, Qt.Key.Key_Return)
    assert hovered[0] == 1
    assert clicked[0] == 2
    assert clicked[-1] == hovered[-1]


def test_bars_are_copied_with_their_values(bars: ProbabilityBars) -> None:
    QTest.keyClick(bars, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines == ["token\tprobability", "␣Ada\t0.6", "␣her\t0.25", "⏎\t0.0512"]
    assert "␣Ada 60.0%" in bars.accessibleDescription()


def test_a_second_probability_is_a_tick(theme: Theme, bars: ProbabilityBars) -> None:
    plain = bars.grab().toImage()
    bars.set_rows([(" Ada", 0.2, 0.9)])
    bars.resize(400, bars.sizeHint().height())
    image, y = bars.grab().toImage(), round(bars.row_rect(0).center().y()) - 8
    ticks = [x for x in range(100, image.width()) if image.pixelColor(x, y) == theme.color("ink")]
    assert ticks
    assert image != plain
    assert bars.export.values_text().rstrip().endswith("0.2\t0.9")


def test_an_error_stays_until_dismissed(qtbot, theme: Theme) -> None:
    page = QWidget()
    banner = Banner(theme, page)
    qtbot.addWidget(page)
    page.resize(500, 80)
    banner.resize(480, 60)
    page.show()
    assert not banner.is_open()
    banner.show_message("error", "The file is <broken>.", "Choose another.", "Choose")
    banner.clear()
    banner.show_message("info", "Saved.")
    assert banner.kind() == "error"
    assert banner.isVisible()
    assert banner.text() == "Error: The file is <broken>. Choose another."
    with qtbot.waitSignal(banner.action_triggered):
        press(banner.action)
    with qtbot.waitSignal(banner.dismissed):
        press(banner.close_button)
    assert banner.kind() == "info"
    assert banner.text() == "Note: Saved."
    assert not banner.action.isVisible()
    press(banner.close_button)
    assert not banner.is_open()


def test_a_mended_error_goes(qtbot, theme: Theme) -> None:
    banner = Banner(theme)
    qtbot.addWidget(banner)
    banner.show_message("error", "No such folder.")
    banner.clear(including_errors=True)
    assert not banner.is_open()


def test_an_empty_state_offers_examples(qtbot, theme: Theme) -> None:
    empty = EmptyState(theme, "No prompt yet", "Type a sentence.", ["Use an example", "Type"])
    qtbot.addWidget(empty)
    empty.show()
    with qtbot.waitSignal(empty.chosen) as chosen:
        press(empty.buttons()[1])
    assert chosen.args == ["Type"]
    empty.set_examples(["Another"])
    assert [button.text() for button in empty.buttons()] == ["Another"]
    with qtbot.waitSignal(empty.chosen):
        press(empty.buttons()[0])


def test_the_job_strip_shows_and_stops_a_job(qtbot, theme: Theme) -> None:
    strip = JobStrip(theme)
    qtbot.addWidget(strip)
    strip.resize(1000, 33)
    strip.show()
    assert strip.text() == "Ready"
    assert not strip.cancel_button.isVisible()
    strip.set_job("Finetune", "step 310 of 500 · 1 min 48 s left", 0.62)
    assert strip.text() == "Finetune 62% step 310 of 500 · 1 min 48 s left"
    asked: list[bool] = []
    strip.pause_requested.connect(asked.append)
    press(strip.pause_button)
    strip.set_paused(True)
    assert strip.pause_button.text() == "Resume"
    press(strip.pause_button)
    assert asked == [True, False]
    with qtbot.waitSignal(strip.cancel_requested):
        press(strip.cancel_button)
    strip.set_failed("Finetune", "failed at step 311: the loss is not a number")
    assert "step 311" in strip.text()
    assert "%" not in strip.text()
    strip.set_idle()
    assert strip.text() == "Ready"


def test_a_short_note_beside_the_jobs_goes_by_itself(qtbot, theme: Theme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_strip, "NOTE_MS", 50)
    strip = JobStrip(theme)
    qtbot.addWidget(strip)
    strip.resize(1000, 33)
    strip.show()
    room = strip.minimumSizeHint().width()
    strip.note("Saved as /" + "a-long-folder/" * 40 + "w.npy")
    assert "w.npy" in words_in(strip) and strip.text() == "Ready"
    assert strip.minimumSizeHint().width() < room + 60, "a long name widens no window"
    strip.set_job("Finetune", "step 1 of 5", 0.2)
    qtbot.waitUntil(lambda: "w.npy" not in words_in(strip), timeout=20_000)


def test_the_top_bar_tells_model_memory_and_jobs(qtbot, theme: Theme) -> None:
    bar = TopBar(theme)
    qtbot.addWidget(bar)
    bar.resize(1120, 48)
    bar.show()
    assert bar.model_box.accessibleName() == "No model open"
    assert not bar.jobs_button.isVisible()
    bar.set_model("story-gpt", "GPT-2 · 4.3M · fp32 · CPU")
    bar.set_memory(3.14, 16.0)
    bar.set_jobs(2)
    assert "story-gpt" in bar.model_box.accessibleName()
    bar.set_second("other", "GPT-2 · 4.5M · fp32 · CPU · with LoRA")
    # Where room is short the state of the model is what stays.
    assert bar.second_box.shortened(500) == "GPT-2 · 4.5M · fp32 · CPU · with LoRA"
    assert bar.second_box.shortened(110) in ("CPU · with LoRA", "with LoRA")
    assert bar.second_box.shortened(5) == "with LoRA"
    assert bar.memory_text() == "3.1 / 16 GB"
    assert bar.jobs_button.text().strip() == "2 jobs"
    bar.set_memory(15.2, 16.0)
    assert "tight" in bar.memory_text()
    with qtbot.waitSignal(bar.open_requested):
        press(bar.model_box)


def test_the_theme_button_switches_the_theme(qtbot, theme: Theme) -> None:
    bar = TopBar(theme)
    qtbot.addWidget(bar)
    bar.show()
    with qtbot.waitSignal(bar.theme_chosen) as chosen:
        press(bar.theme_button)
    assert chosen.args == ["dark"]
    assert theme.is_dark
    assert bar.theme_button.toolTip() == "Light theme"


def test_the_rail_chooses_pages(qtbot, theme: Theme) -> None:
    rail = Rail(
        theme, [("model", "Model", "model"), ("inspect", "Inspect", "inspect"), ("generate", "Write", "generate")]
    )
    qtbot.addWidget(rail)
    rail.resize(72, 400)
    rail.show()
    heard: list[str] = []
    rail.chosen.connect(heard.append)
    assert rail.current() == ""
    rail.set_current("model")
    assert heard == []
    press(rail.button("inspect"))
    assert heard == ["inspect"]
    assert rail.current() == "inspect"
    assert rail.button("inspect").toolTip() == "Inspect (Ctrl+2)"
    image = rail.grab().toImage()
    beside = rail.button("inspect").geometry().center().y()
    assert image.pixelColor(1, beside) == theme.color("accent")
    QTest.keyClick(rail.button("inspect"), Qt.Key.Key_End)
    assert heard == ["inspect", "generate"]
    rail.button("inspect").setFocus()
    QTest.keyClick(rail.button("generate"), Qt.Key.Key_Home)
    assert rail.current() == "model"


EXPLANATION = Explanation(
    "Attention weights",
    "Block 3, head 2",
    "Each <b>row</b> is a token.",
    "<i>A</i> = softmax(<i>QK</i>)",
    (ShapeBlock("Q", 14, 64), ShapeBlock("K^T", 64, 14, "·"), ShapeBlock("A", 14, 14, "→", True)),
    plain="It looks back.",
)


def test_explain_shows_and_collapses(qtbot, theme: Theme) -> None:
    panel = ExplainPanel(theme)
    qtbot.addWidget(panel)
    panel.resize(OPEN_WIDTH, 800)
    panel.show()
    panel.set_explanation(EXPLANATION)
    words = words_in(panel)
    assert "Attention weights" in words
    assert "In plain words" in words
    assert "Try this" not in words
    with qtbot.waitSignal(panel.collapsed_changed) as collapsed:
        press(panel.toggle_button)
    assert collapsed.args == [True]
    assert panel.width() == COLLAPSED_WIDTH
    assert words_in(panel) == ""
    panel.toggle()
    assert panel.width() == OPEN_WIDTH
    assert "Attention weights" in words_in(panel)


def test_what_explain_leaves_out_leaves_no_gap(qtbot, theme: Theme) -> None:
    panel = ExplainPanel(theme)
    qtbot.addWidget(panel)
    panel.resize(OPEN_WIDTH, 800)
    panel.show()

    def gap() -> int:
        """Pixels between the first section's text and the next caption."""
        above, below = panel._looking_at[1], panel._plain[0]
        page = panel._scroll.widget()
        return below.mapTo(page, QPoint()).y() - above.mapTo(page, QPoint(0, above.height())).y()

    panel.set_explanation(EXPLANATION)
    qtbot.waitUntil(lambda: gap() > 60, timeout=20_000)
    panel.set_explanation(Explanation("No formula", looking_at="One line.", plain="Another."))
    qtbot.waitUntil(lambda: gap() == 16, timeout=20_000)


def test_explain_scrolls_when_it_does_not_fit(qtbot, theme: Theme) -> None:
    panel = ExplainPanel(theme)
    qtbot.addWidget(panel)
    panel.set_explanation(Explanation("Long", looking_at="word " * 2000))
    panel.resize(OPEN_WIDTH, 300)
    panel.show()
    qtbot.waitUntil(lambda: panel._scroll.verticalScrollBar().maximum() > 0)


def test_blocks_grow_with_their_shapes_and_fit(qtbot, theme: Theme) -> None:
    blocks = ShapeBlocks(theme)
    qtbot.addWidget(blocks)
    blocks.set_blocks(EXPLANATION.blocks)
    (q_width, q_height), (k_width, k_height), (a_width, a_height) = blocks.block_sizes(248)
    assert (q_width, q_height) == (k_height, k_width)
    assert q_width > 2 * q_height
    assert a_width == a_height == q_height
    blocks.resize(248, 90)
    before = blocks.grab().toImage()
    blocks.set_blocks([ShapeBlock("x", 14, 256), ShapeBlock("W", 256, 5632, "·"), ShapeBlock("z", 14, 5632, "→", True)])
    assert sum(width for width, _ in blocks.block_sizes(248)) <= 248
    assert blocks.accessibleName() == "x 14 by 256 · W 256 by 5632 → z 14 by 5632"
    blocks.resize(248, 90)
    assert blocks.grab().toImage() != before


def test_a_low_empty_state_keeps_its_buttons_apart(qtbot, theme):
    state = EmptyState(theme, "Nothing yet", "Type, or take one of these:", ["One", "Two", "Three"])
    qtbot.addWidget(state)
    for height, drawn in ((320, True), (190, False)):
        state.resize(420, height)
        state.show()
        assert state.findChild(CausalDrawing).isVisible() == drawn
        state.grab()
        places = [button.geometry() for button in state.buttons()]
        assert all(above.bottom() < below.top() for above, below in pairwise(places))
