"""Before and after: two texts beside each other, what was written, where they part, and asking for more."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.ui.pages.finetune.before_after import BeforeAfter
from app.ui.pages.finetune.before_after_panel import BeforeAfterPanel
from app.ui.theme import Theme

LEFT = Qt.MouseButton.LeftButton
PROMPT = "The captain opened the box and found"
BOTH = BeforeAfter(
    PROMPT,
    ("story-gpt", "with LoRA, step 300"),
    (" a toy. He was so happy.", " a map o’ the seven reefs, arr! 🦜"),
)


@pytest.fixture
def panel(qtbot, theme: Theme) -> BeforeAfterPanel:
    panel = BeforeAfterPanel(theme)
    qtbot.addWidget(panel)
    panel.resize(640, 200)
    panel.show()
    return panel


def test_before_anything_was_written_it_says_what_to_do(panel: BeforeAfterPanel) -> None:
    assert not panel.cards[0].isVisible()
    assert not panel.write.isEnabled()


def test_both_texts_with_their_names(panel: BeforeAfterPanel) -> None:
    panel.show_texts(BOTH)
    for card, name in zip(panel.cards, BOTH.names, strict=True):
        assert card.isVisible()
        assert card.name.text() == name
    assert panel.cards[0].text.toPlainText() == f"{PROMPT} a toy. He was so happy."
    assert panel.cards[1].text.toPlainText() == f"{PROMPT} a map o’ the seven reefs, arr! 🦜"


def test_what_was_written_is_filled_and_the_first_difference_bold(panel: BeforeAfterPanel, theme: Theme) -> None:
    panel.show_texts(BOTH)
    assert panel.cards[0].text.stretches() == [
        (f"{PROMPT} ", False, False),
        ("a ", True, False),
        ("toy", True, True),
        (". He was so happy.", True, False),
    ]
    document = panel.cards[1].text.document()
    cursor = document.find("map")
    style = cursor.charFormat()
    assert style.background().color() == theme.color("bsoft")
    assert style.fontUnderline() and style.font().bold()
    assert not document.find("captain").charFormat().fontUnderline()
    assert panel.subtitle() == "bold: where they part"


def test_the_same_text_twice_is_said(panel: BeforeAfterPanel) -> None:
    panel.show_texts(BeforeAfter("He", ("one", "other"), (" sat.", " sat.")))
    assert panel.subtitle() == "both wrote the same"
    assert not any(marked for card in panel.cards for _, _, marked in card.text.stretches())


def test_a_text_that_stands_alone_has_no_prompt_before_it(panel: BeforeAfterPanel) -> None:
    panel.show_texts(BeforeAfter("The dog runs.", ("a", "b"), ("Le chien court.", "Le chien dort."), continued=False))
    assert [card.text.toPlainText() for card in panel.cards] == ["Le chien court.", "Le chien dort."]
    assert panel.cards[1].text.stretches()[0] == ("Le chien ", True, False)


def test_one_text_alone(panel: BeforeAfterPanel) -> None:
    panel.show_texts(BOTH)
    for view, shown in ((0, [True, False]), (2, [False, True]), (1, [True, True])):
        QTest.mouseClick(panel.views.button(view), LEFT)
        assert [card.isVisible() for card in panel.cards] == shown


def test_asking_for_both(panel: BeforeAfterPanel, qtbot) -> None:
    QTest.keyClicks(panel.prompt, "Ahoy")
    with qtbot.waitSignal(panel.write_wanted) as heard:
        QTest.mouseClick(panel.write, LEFT)
    assert heard.args == ["Ahoy"]
    panel.show_busy()
    assert panel.write.text() == "Writing…" and not panel.write.isEnabled()
    asked: list[str] = []
    panel.write_wanted.connect(asked.append)
    QTest.keyClick(panel.prompt, Qt.Key.Key_Return)
    assert asked == []
    panel.show_idle()
    QTest.keyClick(panel.prompt, Qt.Key.Key_Return)
    assert asked == ["Ahoy"] and panel.write.text() == "Write both"
    panel.show_busy()
    panel.show_texts(BOTH)
    assert panel.write.isEnabled()


def test_without_two_models_nothing_is_asked(panel: BeforeAfterPanel) -> None:
    assert panel.write.toolTip() == "Type a prompt."
    panel.set_prompt("Ahoy")
    assert panel.own_prompt() == "", "it was put there"
    panel.set_ready(False, "Nothing was trained yet.")
    assert not panel.write.isEnabled() and panel.write.toolTip() == "Nothing was trained yet."
    assert panel._empty.text() == "Nothing was trained yet."
    panel.set_ready(True)
    assert panel._empty.text().startswith("Write both")
    assert panel.write.isEnabled() and "Enter" in panel.write.toolTip()
    QTest.keyClicks(panel.prompt, "!")
    assert panel.own_prompt() == panel.prompt.text() != "Ahoy"


def test_it_can_be_cleared(panel: BeforeAfterPanel) -> None:
    panel.show_texts(BOTH)
    panel.clear()
    assert panel.subtitle() == "" and not panel.cards[0].isVisible()


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_both_themes_are_painted_at_the_least_height(qtbot, choice) -> None:
    panel = BeforeAfterPanel(Theme(choice))
    qtbot.addWidget(panel)
    panel.show_texts(BOTH)
    panel.resize(640, 150)
    assert not panel.grab().isNull()
    assert panel.height() == 150
