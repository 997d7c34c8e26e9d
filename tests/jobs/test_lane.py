"""Lanes: who gets the next step, what arrives, and what no longer does."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.jobs.board import Board
from app.jobs.job import Job, Priority, Progress, State


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board()
    yield made
    made.close()


def counting(steps: int, log: list[Any] | None = None, name: str = "", seconds: float = 0.0) -> Any:
    def work() -> Any:
        try:
            for step in range(steps):
                if log is not None:
                    log.append((name, step))
                time.sleep(seconds)
                yield step
        finally:
            if log is not None:
                log.append((name, "cleaned up", threading.current_thread().name))
        return "result"

    return work


def heard(job: Job) -> list[Any]:
    events: list[Any] = []
    job.stepped.connect(lambda value: events.append(("step", value)))
    job.progressed.connect(lambda value: events.append(("progress", value.done)))
    job.finished.connect(lambda value: events.append(("finished", value)))
    job.failed.connect(lambda error: events.append(("failed", str(error))))
    job.cancelled.connect(lambda: events.append(("cancelled",)))
    return events


def test_steps_and_result_arrive_in_order_on_the_main_thread(qtbot: QtBot, board: Board) -> None:
    job = board.start("model", "count", counting(3))
    events = heard(job)
    threads: set[int] = set()
    job.stepped.connect(lambda _: threads.add(threading.get_ident()))
    qtbot.waitUntil(lambda: job.state.ended)
    assert events == [("step", 0), ("step", 1), ("step", 2), ("finished", "result")]
    assert threads == {threading.get_ident()}
    assert job.state is State.DONE
    assert board.idle
    assert list(board.history) == [job]


def test_progress_is_apart_from_results(qtbot: QtBot, board: Board) -> None:
    def work() -> Any:
        yield Progress(0.5, "half", seconds_left=12.0)
        yield "partial"

    job = board.start("model", "p", work)
    events = heard(job)
    left: list[float | None] = []
    job.progressed.connect(lambda _: left.append(job.seconds_left))
    qtbot.waitUntil(lambda: job.state.ended)
    assert events == [("progress", 0.5), ("step", "partial"), ("finished", None)]
    assert left == [12.0], "what the work knows, not what the share done tells"


def test_time_left_is_told_from_what_the_job_itself_did(qtbot: QtBot, board: Board) -> None:
    """The second of two equal rows: half was done before it began, so half of its half is left after as long."""

    def second() -> Generator[Progress, None, None]:
        yield Progress(0.5, before=0.5)
        time.sleep(0.1)
        yield Progress(0.75, before=0.5)
        time.sleep(0.1)

    job = board.start("one", "second row", second)
    left: list[float | None] = []
    job.progressed.connect(lambda _value: left.append(job.seconds_left))
    qtbot.waitUntil(lambda: job.state.ended)
    assert left[0] is None
    assert left[1] is not None and 0.1 <= left[1] < 0.3


def test_a_runtime_error_fails_the_job_and_the_lane_goes_on(qtbot: QtBot, board: Board) -> None:
    def broken() -> Any:
        yield 1
        raise RuntimeError("CUDA out of memory")

    first = board.start("model", "broken", broken)
    events = heard(first)
    second = board.start("model", "count", counting(1))
    qtbot.waitUntil(lambda: first.state.ended and second.state.ended)
    assert events[-1] == ("failed", "CUDA out of memory")
    assert second.state is State.DONE


def test_after_cancel_nothing_but_cancelled_arrives(qtbot: QtBot, board: Board) -> None:
    log: list[Any] = []
    job = board.start("model", "long", counting(10_000, log, "long", 0.001))
    events = heard(job)
    qtbot.waitUntil(lambda: len(events) > 3)
    job.cancel()
    before = len(events)
    qtbot.waitUntil(lambda: job.state.ended)
    assert events[before:] == [("cancelled",)]
    assert log[-1] == ("long", "cleaned up", "lane model")
    steps = len(log)
    time.sleep(0.02)
    assert len(log) == steps


def test_latest_wins(qtbot: QtBot, board: Board) -> None:
    gate = threading.Event()

    def hold() -> Any:
        gate.wait(5)
        yield

    board.start("model", "hold", hold)
    jobs = [board.start("model", f"ask {i}", counting(2), key="ask") for i in range(5)]
    events = [heard(job) for job in jobs]
    gate.set()
    qtbot.waitUntil(lambda: board.idle)
    assert events[:4] == [[("cancelled",)]] * 4
    assert events[4][-1] == ("finished", "result")


def test_latest_wins_over_the_one_being_stepped(qtbot: QtBot, board: Board) -> None:
    old = board.start("model", "old", counting(10_000, seconds=0.001), key="ask")
    qtbot.waitUntil(lambda: old.state is State.RUNNING)
    new = board.start("model", "new", counting(1), key="ask")
    qtbot.waitUntil(lambda: old.state.ended and new.state.ended)
    assert (old.state, new.state) == (State.CANCELLED, State.DONE)


@pytest.mark.parametrize("alone", [False, True])
def test_interactive_overtakes_background_which_still_gets_its_turn(qtbot: QtBot, board: Board, alone: bool) -> None:
    """Not while one runs that must have the model to itself; it waits until that one has ended."""
    log: list[Any] = []
    gate = threading.Event()

    def hold() -> Any:
        gate.wait(5)
        yield

    board.start("model", "hold", hold)
    board.start("model", "training", counting(3, log, "training"), Priority.BACKGROUND)
    board.start("model", "inspecting", counting(12, log, "inspecting"), alone=alone)
    gate.set()
    qtbot.waitUntil(lambda: board.idle)
    order = [entry[0] for entry in log if len(entry) == 2]
    assert order[0] == "inspecting"
    waited = order.index("training")
    assert waited == 12 if alone else waited <= 4, "background waits at most four interactive steps"
    assert order.count("inspecting") == 12


def test_a_job_is_held_from_its_very_first_value(qtbot: QtBot, board: Board) -> None:
    """Also when the lane is quicker than the thread that started the job; who receives the value finds it held."""
    for _ in range(20):
        seen: list[tuple[int, bool]] = []

        def count() -> Any:
            yield from range(5)

        job = board.start("model", "count", count, hold_after=lambda _: True)
        time.sleep(0.005)
        job.stepped.connect(lambda value, job=job, seen=seen: seen.append((value, job.pause_asked)))
        qtbot.waitUntil(lambda seen=seen: bool(seen))
        qtbot.wait(5)
        assert seen == [(0, True)]
        job.cancel()


def test_pause_holds_between_steps(qtbot: QtBot, board: Board) -> None:
    log: list[Any] = []
    job = board.start("model", "long", counting(100_000, log, "long", 0.001))
    qtbot.waitUntil(lambda: len(log) > 2)
    job.pause()
    qtbot.waitUntil(lambda: job.state is State.PAUSED)
    steps = len(log)
    time.sleep(0.02)
    assert len(log) == steps
    job.pause(False)
    qtbot.waitUntil(lambda: len(log) > steps)
    job.pause()
    job.cancel()
    qtbot.waitUntil(lambda: job.state is State.CANCELLED)


def test_deliveries_are_batched(qtbot: QtBot, board: Board) -> None:
    batches: list[int] = []
    deliver = board.delivery.deliver

    def counted() -> None:
        batches.append(len(board.delivery._posts))
        deliver()

    board.delivery._timer.timeout.disconnect()
    board.delivery._timer.timeout.connect(counted)
    job = board.start("model", "fast", counting(2000))
    events = heard(job)
    qtbot.waitUntil(lambda: job.state.ended)
    assert len(events) == 2001
    assert len(batches) < 200


def test_closing_cancels_what_runs(qtbot: QtBot) -> None:
    board = Board()
    log: list[Any] = []
    board.start("model", "long", counting(100_000, log, "long", 0.001))
    qtbot.waitUntil(lambda: len(log) > 2)
    board.close()
    assert log[-1][:2] == ("long", "cleaned up")


def test_an_error_in_a_receiver_reaches_the_funnel(qtbot: QtBot, board: Board) -> None:
    reported: list[str] = []
    board.defect.connect(lambda error: reported.append(str(error)))
    board.report(ValueError("seen"))
    assert reported == ["seen"]


def test_nothing_begins_once_the_board_is_closed(qtbot: QtBot) -> None:
    """An end that is delivered while it closes may start something; it must not bring a lane back."""
    board = Board()
    board.start("model", "long", counting(100_000, seconds=0.001)).cancelled.connect(
        lambda: board.start("files", "save", counting(3))
    )
    qtbot.wait(20)
    board.close()
    late = board.start("files", "later", counting(3))
    qtbot.wait(20)
    assert late.state is State.CANCELLED
    assert not [thread for thread in threading.enumerate() if thread.name == "lane files"]
