"""Undo and redo of what was chosen."""

from __future__ import annotations

from app.engine.decode.settings import BALANCED, DecodingSettings
from app.session.history import History, Moment
from app.session.state import Selection


def moment(prompt: str, temperature: float = 1.0) -> Moment:
    return Moment(prompt, Selection(), DecodingSettings(temperature=temperature))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_back_and_forth() -> None:
    clock = Clock()
    history = History(moment(""), clock)
    for place, prompt in enumerate(("one", "two", "three")):
        clock.now = 10.0 * place
        history.note(moment(prompt), "prompt")
    assert history.undo() == moment("two")
    assert history.undo() == moment("one")
    assert history.redo() == moment("two")
    history.note(moment("other"), "selection")
    assert history.redo() is None, "a new change ends what could be redone"
    assert [history.undo(), history.undo(), history.undo(), history.undo()] == [
        moment("two"),
        moment("one"),
        moment(""),
        None,
    ]


def test_a_dragged_slider_is_one_step() -> None:
    clock = Clock()
    history = History(moment("a"), clock)
    for tick in range(50):
        clock.now = 0.05 * tick
        history.note(moment("a", 0.5 + 0.01 * tick), "settings")
    clock.now += 5
    history.note(moment("a", 1.7), "settings")
    assert history.undo() == moment("a", 0.5 + 0.01 * 49)
    assert history.undo() == moment("a")


def test_what_the_program_changes_is_no_step() -> None:
    history = History(Moment("", Selection(), BALANCED))
    history.replace_present(Moment("", Selection(layer=2), BALANCED))
    assert history.undo() is None
