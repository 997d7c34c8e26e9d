"""What the palette finds of the Generate page: each command presses the control that does the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QAbstractButton, QComboBox

from app.ui.actions import Command, bound
from app.ui.pages.generate.preset_panel import CUSTOM

if TYPE_CHECKING:
    from app.ui.pages.generate.page import GeneratePage

KEY = "generate"
_NOTHING = "nothing is written yet"
_NOTHING_RUNS = "nothing is being written"


def generate_commands(page: GeneratePage) -> list[Command]:
    """Acts on the text, the branches and the settings. What cannot be done now is listed with the reason."""
    return [*_of_writing(page), *_of_texts(page), *_of_settings(page)]


def _of_writing(page: GeneratePage) -> Iterator[Command]:
    output = page.output
    paused = page.pause.toolTip() if page.pause.isEnabled() else "Pause writing"
    yield _pressed(page, paused, page.pause, "Space", "pause hold slow go on", _NOTHING_RUNS)
    yield _pressed(page, "One token more", output.one, "", "step single slow", "the run is not paused")
    words = "continue longer more tokens write"
    yield _done(page, "Go on with this text", page.go_on, "G", words, _no_text(page))
    yield _pressed(page, "Token before", output.back, ",", "step previous choice", _no_text(page))
    yield _pressed(page, "Token after", output.forth, ".", "step next choice", _no_text(page))
    yield from _choices(page, "Speed", output.paces, "slow motion writing")
    yield from _choices(page, "Colour of the tokens", output.colours, "chips probability")


def _of_texts(page: GeneratePage) -> Iterator[Command]:
    branches, output = page.branches, page.output
    # The way a closed model or a beam search stands in is said by the button itself.
    no_fork = _no_text(page) or branches.fork.toolTip()
    yield _pressed(page, "Fork here", branches.fork, "F", "branch alternative token write", no_fork)
    funnel = bound(page.choice.funnel.setFocus)
    words = "ban force begin fork alternatives candidates"
    yield _done(page, "Choose a token of the funnel", funnel, "", words, _no_text(page))
    words, alone = "side by side branch difference", "" if branches.compare.isEnabled() else "one text alone"
    yield _done(page, "Compare two texts", branches.compare.click, "", words, _at_beams(page) or alone)
    yield _pressed(page, "Keep texts when writing anew", branches.beside, "", "branches beside list", "")
    removed = "nothing was removed" if branches.again.isHidden() else ""
    yield _done(page, "Bring back removed texts", branches.again.click, "", "undo branches", removed)
    second = "no model B is open" if branches.second.isHidden() else ""
    yield _done(page, "Write with model B", branches.second.click, "", "compare two models second", second)
    beams = "no beam search was made" if branches.back.isHidden() else ""
    yield _done(page, "Show the beam search", branches.back.click, "", "beams tree", beams)
    texts = "nothing is kept" if page.beams.texts.isHidden() else ""
    yield _done(page, "Show the texts", page.beams.texts.click, "", "back from beams list branches", texts)
    yield _pressed(page, "Copy the text", page.copy, "", "clipboard", _no_text(page))
    for action, words in ((output.with_settings, "text clipboard"), (output.save_text, "text file export")):
        title = f"{action.text().split(' ')[0]} the text with its settings" + ("…" if "…" in action.text() else "")
        yield _done(page, title, action.trigger, "", words, _no_text(page))
    not_now = _no_text(page) or "a text is being written"
    yield _pressed(page, "Edit the text", output.edit, "", "change rewrite", not_now)


def _of_settings(page: GeneratePage) -> Iterator[Command]:
    settings = page.settings
    for place, name in enumerate(("Greedy search", "Sampling", "Beam search")):
        yield _done(page, name, settings.method.button(place).click, "", "method decoding")
    yield _pressed(page, "Draw the beams", settings.drawn, "", "beam sampling", "it belongs to beam search")
    yield _pressed(page, "Reset every setting", settings.reset, "", "default balanced decoding", "")
    yield from _choices(page, "Preset", settings.presets, "settings decoding")


def _no_text(page: GeneratePage) -> str:
    """Why nothing can be done with a text here, '' where one stands."""
    return _at_beams(page) or (_NOTHING if page.current_empty() else "")


def _at_beams(page: GeneratePage) -> str:
    return "the beam search is looked at" if page.right.currentIndex() == 1 else ""


def _pressed(page: GeneratePage, title: str, button: QAbstractButton, keys: str, words: str, why_not: str) -> Command:
    return _done(page, title, button.click, keys, words, "" if button.isEnabled() else why_not)


def _choices(page: GeneratePage, title: str, box: QComboBox, words: str) -> Iterator[Command]:
    for place in range(box.count()):
        name = box.itemText(place)
        if place != box.currentIndex() and name != CUSTOM:
            yield _done(page, f"{title}: {name}", bound(_choose, box, place), "", words)


def _choose(box: QComboBox, place: int) -> None:
    """As a person does, which `setCurrentIndex` alone does not say."""
    box.setCurrentIndex(place)
    box.activated.emit(place)
    box.textActivated.emit(box.itemText(place))


def _done(
    page: GeneratePage, title: str, act: Callable[[], object], keys: str, words: str, why_not: str = ""
) -> Command:
    def do() -> None:
        page.page_wanted.emit(KEY)
        if why_not:
            page.noted.emit(f"{title}: {why_not}.")
        else:
            act()

    return Command(title, do, keys, KEY, words, absent=why_not)
