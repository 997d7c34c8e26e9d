"""The settings panel of Generate alone: what its controls say, which are idle, and how one is put back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QMenu, QWidget
from pytestqt.qtbot import QtBot

from app.engine.decode.settings import BALANCED, DecodingSettings
from app.engine.errors import UserError
from app.ui.pages.generate.settings_panel import SettingsPanel
from app.ui.pages.generate.stop_words import read_stops, written_stops
from app.ui.theme import Theme


class Panel:
    """The panel with what it said."""

    def __init__(self, qtbot: QtBot, theme: Theme) -> None:
        self.panel = SettingsPanel(theme, BALANCED, BALANCED)
        self.settings = BALANCED
        self.errors: list[UserError] = []
        self.panel.changed.connect(self._changed)
        self.panel.refused.connect(self.errors.append)
        qtbot.addWidget(self.panel)
        self.panel.resize(280, 1400)
        self.panel.show()
        qtbot.waitExposed(self.panel)

    def _changed(self, settings: DecodingSettings) -> None:
        self.settings = settings

    def show(self, **changes: object) -> None:
        self.settings = replace(BALANCED, **changes)  # type: ignore[arg-type]
        self.panel.show_settings(self.settings)

    def type(self, edit: QLineEdit, text: str) -> None:
        edit.setFocus()
        edit.selectAll()
        edit.insert(text)
        QTest.keyClick(edit, Qt.Key.Key_Return)


@pytest.fixture
def made(qtbot: QtBot, theme: Theme) -> Panel:
    return Panel(qtbot, theme)


def trigger(menu: QMenu, words: str) -> None:
    next(action for action in menu.actions() if action.text() == words).trigger()


def test_every_control_says_what_it_does_its_range_and_what_off_is(made: Panel) -> None:
    tips = {name: field.track.toolTip() for name, field in made.panel.fields.items()}
    assert tips["temperature"].splitlines()[1] == "From 0 to 100, on the slider 0 to 2. Off at 1."
    assert tips["top_k"].splitlines()[1] == "From 0 up, on the slider 0 to 200. Off at 0."
    assert tips["frequency_penalty"].splitlines()[1] == "From −100 to 100, on the slider −2 to 2. Off at 0."
    assert tips["top_p"].splitlines()[1] == "From 0 to 1. Off at 1."
    assert tips["num_beams"].splitlines()[1:] == [
        "From 1 up, on the slider 1 to 16. 1 is greedy search.",
        "Only a beam search reads this",
    ], "what is idle says both"
    assert all("From " in tip for tip in tips.values())
    for place, word in enumerate(("likeliest token every time", "by its odds", "several beginnings")):
        assert word in made.panel.method.button(place).toolTip()
    made.panel.set_filling(True)
    assert "several beginnings" in made.panel.method.button(2).toolTip()
    assert "keeps no beams" in made.panel.method.button(2).toolTip()
    assert "does not use" in made.panel.stop.toolTip() and not made.panel.stop.isEnabled()


def test_what_does_nothing_is_idle_and_not_hidden(made: Panel) -> None:
    panel = made.panel
    assert panel.seed.isEnabled() and panel.drawn.isVisible() and not panel.drawn.isEnabled()
    assert "Only a beam search" in panel.drawn.toolTip()
    for method in ("greedy", "beam"):
        made.show(method=method)
        assert not panel.seed.isEnabled() and not panel.dice.isEnabled()
        assert "changes nothing" in panel.seed.toolTip()
    assert panel.drawn.isEnabled()
    made.show(temperature=0.0)
    assert not panel.seed.isEnabled() and not panel.fields["num_sequences"].field.isEnabled()
    assert "one is written" in panel.fields["num_sequences"].field.toolTip()
    assert panel.fields["temperature"].field.isEnabled()
    made.show(method="beam_sample", temperature=0.0)
    assert panel.fields["num_sequences"].field.isEnabled() and panel.drawn.isEnabled()
    made.show(ignore_eos=True)
    assert not panel.fields["min_new_tokens"].field.isEnabled()
    assert "no text ends early" in panel.fields["min_new_tokens"].field.toolTip()


def test_one_setting_is_put_back_by_key_and_by_menu(made: Panel) -> None:
    panel = made.panel
    made.show(temperature=1.7, top_k=3, ignore_eos=True, seed=7, stop=("a", "b"))
    QTest.keyClick(panel.fields["temperature"].track, Qt.Key.Key_Delete)
    assert made.settings.temperature == 0.8 and made.settings.top_k == 3
    trigger(panel.fields["top_k"].menu(), "Put 40 back")
    assert made.settings.top_k == 40 and made.settings.seed == 7
    assert not panel.fields["top_k"].menu().actions()[0].isEnabled(), "nothing to put back"
    QTest.keyClick(panel.endless, Qt.Key.Key_Backspace)
    assert not made.settings.ignore_eos and made.settings.seed == 7
    for control in (panel.seed, panel.stop):
        _put_back(panel, control)
    assert made.settings == BALANCED
    made.show(method="beam_sample")
    _put_back(panel, panel.drawn)
    assert made.settings.method == "beam"


def _put_back(panel: SettingsPanel, control: QWidget) -> None:
    trigger(panel.resets.menu_for(control), "Put the default back")


def test_a_bar_can_be_part_of_a_stop_and_focus_that_passes_changes_nothing(made: Panel) -> None:
    stops = ("x|y", "a\\nb", "\n\n", "\t")
    made.show(stop=stops)
    assert made.panel.stop.text() == r"x\|y|a\\nb|\n\n|\t"
    made.panel.stop.setFocus()
    made.panel.seed.setFocus()
    assert made.settings.stop == stops
    made.type(made.panel.stop, r"\||end")
    assert made.settings.stop == ("|", "end")
    made.type(made.panel.stop, r"a||b")
    refusal = made.panel.words.stop_refusal
    assert not refusal.isHidden() and "“a||b” holds an empty stop sequence" in refusal.text()
    assert made.settings.stop == ("|", "end") and made.panel.stop.text() == "a||b", "what was typed can be mended"
    made.show(temperature=0.5, stop=("|", "end"))
    assert made.panel.stop.text() == "a||b" and not refusal.isHidden()
    made.type(made.panel.stop, "")
    assert made.settings.stop == () and refusal.isHidden() and not made.errors
    for line in ("plain", r"\d and \\", "\\", "a b|c"):
        assert read_stops(written_stops(read_stops(line))) == read_stops(line)
    assert read_stops(r"\d") == (r"\d",)


def test_more_tokens_at_least_than_at_most_is_said(made: Panel) -> None:
    made.show(min_new_tokens=100, max_new_tokens=60)
    assert made.panel.notes["min_new_tokens"].isVisible() and "New tokens" in made.panel.notes["min_new_tokens"].text()
    made.show(min_new_tokens=60, max_new_tokens=60)
    assert not made.panel.notes["min_new_tokens"].isVisible()


def test_a_seed_out_of_range_is_told_so(made: Panel) -> None:
    made.show(seed=7)
    for text, words in (("-1", "out of range"), (str(2**63), "out of range"), ("1.5", "not a whole number")):
        made.type(made.panel.seed, text)
        said = made.panel.words.seed_refusal.text()
        assert words in said and text in said and made.panel.seed.text() == text
        assert made.settings.seed == 7 and not made.panel.commit() and made.errors[-1].fact == said
    made.type(made.panel.seed, str(2**63 - 1))
    assert made.settings.seed == 2**63 - 1
    made.type(made.panel.seed, "")
    assert made.settings.seed is None and made.panel.commit()
