"""The Training panel: figures, curves, axes, checkpoints, buttons, and many steps."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise
from math import exp, inf, log, nan

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from ui.pages.finetune_runs import end, look, reports, step
from ui.widgets.matrices import move, press

from app.engine.finetune.records import CheckpointReport
from app.ui.pages.finetune.readout_row import Readout, ReadoutRow
from app.ui.pages.finetune.run_words import perplexity_ticks, speed_text, time_text
from app.ui.pages.finetune.training_log import Smoothed, TrainingLog, kept_of
from app.ui.pages.finetune.training_panel import TrainingPanel
from app.ui.pages.finetune.training_words import GRADIENT, RATE, SPEED
from app.ui.theme import Theme

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def panel(qtbot, theme: Theme) -> TrainingPanel:
    panel = TrainingPanel(theme)
    qtbot.addWidget(panel)
    panel.resize(900, 420)
    panel.show()
    return panel


def run_to(panel: TrainingPanel, upto: int) -> None:
    panel.begin(500, "pirates")
    panel.add(reports(upto))


def values(panel: TrainingPanel) -> dict[str, np.ndarray]:
    table = panel.chart.table()
    return {name: table.values[:, place] for place, name in enumerate(table.column_labels)}


def averaged(losses: list[float]) -> list[float]:
    """TensorBoard's smoothing, told plainly: every value weighs 0.9 times as much as the one after it."""
    return [
        sum(0.9 ** (at - back) * losses[back] for back in range(at + 1)) / sum(0.9**back for back in range(at + 1))
        for at in range(len(losses))
    ]


# Figures


def test_before_any_run_there_is_nothing(panel: TrainingPanel) -> None:
    assert panel.figures.words()[0] == "Training loss –"
    assert panel.chart.accessibleDescription() == "No values yet"
    buttons = (panel.pause, panel.stop, panel.discard, panel.resume)
    assert not any(button.isVisible() for button in buttons)


def test_the_figures_of_a_run(panel: TrainingPanel) -> None:
    panel.begin(500, "pirates")
    panel.add([look(0, 3.2), step(1, loss=3.0), step(2, loss=2.0), look(2, 1.7)])
    smoothed = (0.9 * 3.0 + 2.0) / 1.9
    assert panel.figures.words() == [
        f"Training loss {smoothed:.2f} smoothed",
        "Held-out loss 1.70",
        f"Held-out perplexity {exp(1.7):.1f} was {exp(3.2):.1f}",
        "Speed 2.0 steps/s",
        "Time left 4:09 min",
    ]
    assert panel.figures.tips()[3] == "2,000 trained tokens a second"
    assert "step 2 alone: 2.00" in panel.figures.tips()[0]
    assert panel.subtitle() == "step 2 of 500 · pirates"


def test_the_best_look_is_told_where_the_last_is_worse(panel: TrainingPanel) -> None:
    panel.begin(500)
    panel.add([look(0, 3.2), step(1), look(1, 1.5), step(2), look(2, 1.9)])
    assert "Best: 1.50 at step 1." in panel.figures.tips()[1]


def test_the_speed_is_that_of_the_last_steps(panel: TrainingPanel) -> None:
    panel.begin(500)
    panel.add([step(at, seconds=4.0) for at in range(1, 31)])
    assert panel.figures.words()[3] == "Speed 4.00 s/step"
    panel.add([step(at, seconds=0.01) for at in range(31, 51)])
    QTest.qWait(100)
    assert panel.figures.words()[3] == "Speed 100 steps/s"


def test_times_and_speeds_in_words() -> None:
    assert [time_text(each) for each in (0.0, 59.4, 108.0, 7500.0, nan)] == [
        ("0", "s"),
        ("59", "s"),
        ("1:48", "min"),
        ("2:05", "h"),
        ("–", ""),
    ]
    assert [speed_text(each) for each in (0.5, 3.4, 0.001, nan)] == [
        ("2.0", "steps/s"),
        ("3.40", "s/step"),
        ("1,000", "steps/s"),
        ("–", ""),
    ]


def test_where_there_is_no_room_figures_give_way(qtbot, theme: Theme) -> None:
    row = ReadoutRow(theme)
    qtbot.addWidget(row)
    row.show_readouts([Readout(f"Figure {place}", "1.63", "was 24.5") for place in range(5)])
    row.resize(2000, 50)
    assert len(row.shown()) == 5
    row.resize(60, 50)
    assert row.shown() == ["Figure 0"]
    row.grab()


# Curves


def test_the_curves_are_the_losses(panel: TrainingPanel) -> None:
    run_to(panel, 310)
    shown, losses = values(panel), [1.0 + 2.0 * exp(-at / 50) for at in range(1, 311)]
    assert list(shown) == ["training", "smoothed", "held out"]
    np.testing.assert_allclose(shown["training"][1:], losses, rtol=1e-6)
    np.testing.assert_allclose(shown["smoothed"][1:], averaged(losses), rtol=1e-5)
    assert np.flatnonzero(np.isfinite(shown["held out"])).tolist() == [0, 100, 200, 300]


def test_what_is_not_finite_goes_through_and_counts_for_nothing() -> None:
    smoothed = Smoothed()
    first = smoothed.of(np.array([3.0, nan])).copy()
    found = smoothed.of(np.array([3.0, nan, inf, 2.0]))
    np.testing.assert_allclose(first, [3.0, nan])
    np.testing.assert_allclose(found, [3.0, nan, inf, averaged([3.0, 2.0])[1]])


def test_a_loss_that_is_not_finite_is_no_trouble(panel: TrainingPanel) -> None:
    panel.begin(10)
    panel.add([step(1, 10, 3.0), step(2, 10, nan), step(3, 10, inf)])
    panel.grab()
    assert panel.figures.words()[0] == "Training loss ∞"


def test_other_curves(panel: TrainingPanel) -> None:
    run_to(panel, 310)
    heard = {}
    for view in (GRADIENT, RATE, SPEED):
        QTest.mouseClick(panel.views.button(view), LEFT)
        heard[view] = values(panel)
        assert panel.chart.laid_out().right_texts() == []
    assert list(heard[GRADIENT]) == ["gradient norm", "smoothed"]
    assert heard[RATE]["learning rate"][99] == pytest.approx(2e-4 * 0.8)
    assert heard[SPEED]["tokens per second"][0] == 2000.0
    assert panel.legend.words() == ["each step", "smoothed"]
    QTest.mouseClick(panel.views.button(0), LEFT)
    assert panel.legend.words() == ["training", "held out"]


def test_the_right_axis_tells_perplexities(panel: TrainingPanel) -> None:
    run_to(panel, 310)
    ticks = panel.chart.laid_out().right_texts()
    assert len(ticks) >= 2
    for loss, words in ticks:
        assert float(words) == pytest.approx(exp(loss), abs=0.51 if exp(loss) >= 10 else 0.051)
    QTest.mouseClick(panel.log_axis, LEFT, pos=QPointF(8, panel.log_axis.height() / 2).toPoint())
    assert panel.log_axis.isChecked()
    assert panel.chart.laid_out().y.log
    for loss, words in panel.chart.laid_out().right_texts():
        assert float(words) == pytest.approx(exp(loss), abs=0.51)


def test_perplexities_have_as_many_decimals_as_tell_them_apart() -> None:
    assert perplexity_ticks([1.5, 2.0, 2.5, 3.0]) == ["4.5", "7.4", "12", "20"]
    assert perplexity_ticks([1.50, 1.51]) == ["4.48", "4.53"]
    assert perplexity_ticks([0.0, 1000.0, 2000.0, inf]) == ["1.0", "2.0e434", "3.9e868", "∞"], "larger than any float"
    assert perplexity_ticks([13.815510558]) == ["1.0e6"] and perplexity_ticks([300 * log(10.0) * 3.0]) == ["1.0e900"]
    assert perplexity_ticks([]) == []


def test_a_run_that_is_lost_has_numbers_on_every_axis(panel: TrainingPanel) -> None:
    panel.begin(20, "pirates")
    panel.add([look(0, 3.2), *(step(at, 20, 3.0 * at**3) for at in range(1, 11)), replace(look(10, 0.0), loss=2000.0)])
    words = [text for _, text in panel.chart.laid_out().right_texts()]
    assert len(set(words)) == len(words) >= 3 and "∞" not in words
    assert panel.figures.words()[1] == "Held-out loss 2,000"
    assert panel.figures.words()[2] == f"Held-out perplexity 3.9e868 was {exp(3.2):.1f}"


def test_numbers_at_the_right_stand_beside_the_plot(panel: TrainingPanel) -> None:
    run_to(panel, 310)
    picture = panel.chart.laid_out()
    assert picture.plot.right() + 8 < panel.chart.width()
    assert picture.x.high == 500
    panel.end(end())
    assert panel.chart.laid_out().x.high == 310


def test_pictures_are_made_now_and_then_and_the_last_is_not_left_out(panel: TrainingPanel, qtbot) -> None:
    panel.begin(500)
    for at in range(1, 50):
        panel.add([step(at)])
    assert len(values(panel)["training"]) < 49
    qtbot.waitUntil(lambda: len(values(panel)["training"]) == 49, timeout=2_000)
    assert panel.subtitle() == "step 49 of 500"


def test_going_on_from_a_checkpoint_takes_away_what_came_after_it(panel: TrainingPanel) -> None:
    log = TrainingLog()
    log.add(reports(250))
    log.smoothed("loss")
    log.add([step(201, loss=9.0)])
    assert log.last_step == 201 and log.count == 201
    assert [each.step for each in log.held_out] == [0, 100, 200]
    assert [each.step for each in log.checkpoints] == [100, 200]
    losses = [1.0 + 2.0 * exp(-at / 50) for at in range(1, 201)]
    np.testing.assert_allclose(log.smoothed("loss"), averaged([*losses, 9.0]), rtol=1e-9)


def test_a_hundred_thousand_steps(panel: TrainingPanel) -> None:
    rng = np.random.default_rng(0)
    panel.begin(200_000)
    panel.add([step(at, 200_000, float(loss)) for at, loss in enumerate(rng.normal(2.0, 0.1, 100_000), 1)])
    panel.grab()
    begin = time.perf_counter()
    for at in range(100_001, 100_031):
        panel.add([step(at, 200_000)])
    # Well under a tenth of a second on a quiet machine: pictures wait for the timer.
    assert time.perf_counter() - begin < 2.0
    assert panel.log.last_step == 100_030
    old = TrainingLog()
    old.add([step(at, 3) for at in (1, 2, 3)])
    assert old.count == 3


# Checkpoints


def test_checkpoints_are_marked_and_can_be_chosen(panel: TrainingPanel, qtbot) -> None:
    run_to(panel, 310)
    panel.grab()
    marks = panel.chart.laid_out().mark_rects()
    assert len(marks) == 3
    assert all(one.right() < other.left() for one, other in pairwise(marks))
    # A pixel beside the middle is another step of the curve, but still the mark.
    place = marks[1].center() + QPointF(2.0, 0.0)
    move(panel.chart, place)
    assert panel.chart.accessibleDescription().startswith("At 200 steps, checkpoint: training")
    with qtbot.waitSignal(panel.step_chosen) as chosen:
        press(panel.chart, place)
    assert chosen.args == [200]
    middle = QPointF(panel.chart.laid_out().x.pixel(150), panel.chart.laid_out().plot.center().y())
    with qtbot.waitSignal(panel.step_chosen) as chosen:
        press(panel.chart, middle)
    assert abs(chosen.args[0] - 150) <= 1
    assert "checkpoint" not in panel.chart.accessibleDescription()


def test_a_step_can_be_marked(panel: TrainingPanel) -> None:
    run_to(panel, 310)
    panel.mark_step(200)
    assert panel.chart.marked() == 200.0
    panel.begin(100)
    assert panel.chart.marked() is None


# Buttons


def test_pausing_going_on_and_stopping(panel: TrainingPanel, qtbot) -> None:
    run_to(panel, 310)
    assert (panel.pause.text(), panel.resume.isVisible()) == ("Pause", False)
    with qtbot.waitSignal(panel.pause_wanted) as heard:
        QTest.mouseClick(panel.pause, LEFT)
    assert heard.args == [True]
    panel.set_state(True, True)
    assert panel.pause.text() == "Go on"
    assert panel.subtitle() == "paused at step 310 of 500 · pirates"
    with qtbot.waitSignal(panel.pause_wanted) as heard:
        QTest.mouseClick(panel.pause, LEFT)
    assert heard.args == [False]
    for button, signal in ((panel.stop, panel.stop_wanted), (panel.discard, panel.discard_wanted)):
        with qtbot.waitSignal(signal):
            QTest.mouseClick(button, LEFT)


def test_a_stopped_run_can_be_resumed(panel: TrainingPanel, qtbot) -> None:
    run_to(panel, 310)
    panel.end(end())
    assert panel.subtitle() == "stopped at step 310 of 500 · best held-out loss 1.70 at step 300"
    assert panel.figures.words()[4] == "Took 2:52 min"
    assert not panel.pause.isVisible() and not panel.stop.isVisible() and not panel.discard.isVisible()
    with qtbot.waitSignal(panel.resume_wanted):
        QTest.mouseClick(panel.resume, LEFT)


@pytest.mark.parametrize(
    ("ended", "words", "said"),
    [
        (end("done", 500), "", "done, 500 steps · best held-out loss 1.70 at step 300"),
        (end("stopped early"), "", "stopped early at step 310 of 500 · best held-out loss 1.70 at step 300"),
        (
            replace(end("stopped early"), result_step=300, peak_bytes=1_250_000_000),
            "",
            "stopped early at step 310 of 500 · best held-out loss 1.70 at step 300, which is kept · "
            "program at most 1.2 GB",
        ),
        (None, "thrown away", "thrown away"),
    ],
)
def test_runs_that_cannot_be_resumed(panel: TrainingPanel, ended, words, said) -> None:
    run_to(panel, 310)
    panel.end(ended, words)
    assert panel.subtitle() == said
    assert not panel.resume.isVisible()


def test_an_old_run_is_shown_whole(panel: TrainingPanel) -> None:
    run_to(panel, 100)
    panel.show_run([*reports(300), CheckpointReport(300, "/runs/old/checkpoint-300")], "old", resumable=True)
    assert panel.subtitle() == "old"
    assert len(values(panel)["training"]) == 301
    assert panel.figures.words()[3:] == ["Speed 2.0 steps/s", "Took 2:30 min"]
    assert panel.resume.isVisible() and not panel.pause.isVisible()
    assert len(panel.chart.laid_out().mark_rects()) == 3


def test_a_low_panel_keeps_the_curve_and_tells_the_figures_in_its_header(panel: TrainingPanel, qtbot) -> None:
    run_to(panel, 310)
    panel.resize(640, 150)
    assert panel.height() == 150
    assert panel.chart.isVisible() and not panel.figures.isVisible() and not panel.views.isVisible()
    qtbot.waitUntil(lambda: panel.chart.geometry().bottom() <= panel.body.height(), timeout=2_000)
    assert panel.subtitle().startswith("step 310 of 500 · loss 1.0")
    assert panel.discard.text() == "" and panel.discard.accessibleName() == "Stop and discard"
    panel.resize(1000, 420)
    assert panel.figures.isVisible() and panel.views.isVisible()
    assert panel.subtitle() == "step 310 of 500 · pirates"
    assert panel.discard.text() == "Stop and discard"


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_both_themes_are_painted(qtbot, qapp, choice) -> None:
    panel = TrainingPanel(Theme(choice))
    qtbot.addWidget(panel)
    panel.resize(640, 380)
    run_to(panel, 310)
    assert not panel.grab().isNull()


def test_the_line_of_a_short_run_does_not_lag_behind_it() -> None:
    assert [kept_of(steps) for steps in (6, 20, 100, 200, 5000)] == pytest.approx([0.0, 0.0, 0.8, 0.9, 0.9])
    losses, log = np.geomspace(8.0, 2.0, 20), TrainingLog()
    log.steps = len(losses)
    log.add([step(number, 20, float(loss)) for number, loss in enumerate(losses, 1)])
    np.testing.assert_allclose(log.smoothed("loss"), losses)
