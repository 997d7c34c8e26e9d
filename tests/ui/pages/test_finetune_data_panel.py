"""The panel of examples: tags that filter, the table, tokens, lengths, how records are read, what is held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.engine.errors import UserError
from app.engine.finetune.records import (
    BROKEN,
    COMPLETION,
    CUT,
    DUPLICATE,
    EMPTY,
    TEXT,
    DataPreview,
    PreviewRow,
    PreviewToken,
    Problem,
    Shape,
)
from app.ui.pages.finetune.data_panel import CHOOSE_FILE, DataPanel
from app.ui.theme import Theme

PROBLEMS = {
    "line 3": Problem("line 3", EMPTY, "empty", False),
    "line 4": Problem("line 4", CUT, "cut at 512", True),
    "line 5": Problem("line 5", DUPLICATE, "duplicate of line 2", True),
    "line 6": Problem("line 6", BROKEN, "line 6: broken JSON", False),
}
FAR = Problem("line 907", CUT, "cut at 512", True)
"""Beyond the rows that are shown."""
ROWS = tuple(
    PreviewRow(place, text, tokens, PROBLEMS.get(place), held_out)
    for place, text, tokens, held_out in (
        ("line 1", "Ahoy! Once upon\na tide", 118, False),
        ("line 2", "Captain Mo hid his gold", 64, True),
        ("line 3", "", 0, False),
        ("line 4", "The parrot knew every song", 1204, False),
        ("line 5", "Captain Mo hid his gold", 64, False),
        ("line 6", "", 0, False),
    )
)
SHAPE = Shape(COMPLETION, (("prompt", "question"), ("completion", "answer")))
OTHER = Shape(TEXT, (("text", "answer"),))
PREVIEW = DataPreview(
    name="pirate-tales.jsonl",
    shape=SHAPE,
    shapes=(OTHER,),
    rows=ROWS,
    records=1000,
    usable=998,
    held_out=100,
    problems=(*PROBLEMS.values(), FAR),
    lengths=np.array([118, 64, 1204, 64, 600], dtype=np.int64),
    longest=512,
    tokens=41_203,
    trained=20_000,
    hash="",
    template="the model's own\n{{ messages }}",
)
TOKENS = (
    PreviewToken("Who", False),
    PreviewToken(" hid", False),
    PreviewToken("?", False),
    PreviewToken("\n", False),
    PreviewToken("Captain", True),
    PreviewToken(" Mo", True),
    PreviewToken("</s>", True, True),
)


@pytest.fixture
def panel(qtbot, theme: Theme) -> DataPanel:
    panel = DataPanel(theme)
    panel.set_samples([("tales", "Pirate tales"), ("answers", "Questions and answers")])
    qtbot.addWidget(panel)
    panel.resize(376, 520)
    panel.show()
    return panel


@pytest.fixture
def filled(panel: DataPanel) -> DataPanel:
    panel.show_preview(PREVIEW)
    panel.show_tokens(TOKENS)
    return panel


def click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def heard(signal) -> list[object]:
    values: list[object] = []
    signal.connect(values.append)
    return values


def places(panel: DataPanel) -> list[str]:
    return [row[0] for row in panel.table.cells()]


def type_share(panel: DataPanel, text: str) -> None:
    panel.held_out.field.selectAll()
    QTest.keyClicks(panel.held_out.field, text)
    QTest.keyClick(panel.held_out.field, Qt.Key.Key_Return)


def test_without_a_file_the_samples_are_offered(panel: DataPanel) -> None:
    samples, files = heard(panel.sample_chosen), []
    panel.file_wanted.connect(lambda: files.append(True))
    buttons = panel.empty.buttons()
    assert [button.text() for button in buttons] == ["Pirate tales", "Questions and answers", CHOOSE_FILE]
    assert panel.empty.isVisible() and not panel.table.isVisible()
    assert (panel.source.text(), panel.subtitle()) == ("Choose", "")
    assert panel.source.menu() is panel.source_menu
    for button in buttons:
        click(button)
    assert samples == ["tales", "answers"] and files == [True]


def test_a_preview_tells_what_is_usable(filled: DataPanel) -> None:
    assert filled.subtitle() == "pirate-tales.jsonl" and filled.source.text() == "Replace"
    assert [tag.text() for tag in filled.tags.values()] == ["998 usable", "3 check", "2 skipped"]
    assert filled.count.text() == "41k tokens"
    learnt = "41,203 tokens, 20,000 of them (49%) learnt from"
    assert filled.count.toolTip() == f"{learnt}; read as prompt → completion (question, answer)"
    assert filled.shapes.isVisible()
    assert filled.held_out_count.text() == "100 texts"
    assert filled.table.cells() == [
        ["1", "Ahoy! Once upon a tide", "118", "ok"],
        ["2", "Captain Mo hid his gold", "64", "held out"],
        ["3", "(no text)", "0", "empty"],
        ["4", "The parrot knew every song", "1,204", "cut at 512"],
        ["5", "Captain Mo hid his gold", "64", "duplicate of 2"],
        ["6", "(no text)", "0", "broken JSON"],
    ]
    model = filled.table.model()
    assert model.index(5, 0).data(Qt.ItemDataRole.ToolTipRole) == "line 6: (no text); line 6: broken JSON, left out"
    filled.show_preview(replace(PREVIEW, problems=()))
    assert [tag.isVisible() for tag in filled.tags.values()] == [True, False, False]
    filled.show_preview(replace(PREVIEW, shapes=()))
    assert not filled.shapes.isVisible(), "one way is no choice"
    filled.show_preview(None)
    assert filled.empty.isVisible() and filled.source.text() == "Choose"


def test_a_tag_shows_only_its_records(filled: DataPanel) -> None:
    chosen = heard(filled.row_chosen)
    usable, check, skipped = filled.tags.values()
    click(check)
    assert places(filled) == ["4", "5", "907"]
    assert filled.table.cells()[2] == ["907", "…", "", "cut at 512"]
    click(skipped)
    assert (places(filled), check.isChecked(), skipped.isChecked()) == (["3", "6"], False, True)
    QTest.keyClick(usable, Qt.Key.Key_Space)
    assert places(filled) == ["1", "2", "4", "5"]
    assert chosen == ["line 4", "line 3", "line 1"]
    click(usable)
    assert places(filled) == ["1", "2", "3", "4", "5", "6"]
    assert filled.table.place() == "line 1" and len(chosen) == 3


def test_a_row_is_chosen_by_keys_and_the_mouse(panel: DataPanel) -> None:
    chosen = heard(panel.row_chosen)
    panel.show_preview(PREVIEW)
    assert chosen == ["line 1"]
    QTest.keyClick(panel.table, Qt.Key.Key_Down)
    assert chosen[-1] == "line 2"
    where = panel.table.visualRect(panel.table.model().index(0, 1)).center()
    QTest.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=where)
    QTest.keyClick(panel.table, Qt.Key.Key_Down)
    assert chosen == ["line 1", "line 2", "line 1", "line 2"]
    panel.show_preview(replace(PREVIEW, shape=OTHER))
    assert panel.table.place() == "line 2" and len(chosen) == 5


def test_tokens_say_what_is_trained(theme: Theme, filled: DataPanel) -> None:
    tokens = filled.example.tokens
    assert tokens.accessibleDescription() == "7 tokens, 3 trained"
    assert tokens.describe_token(3) == "⏎  #3 · given: the model reads it"
    assert tokens.describe_token(6) == "</s>  #6 · trained: the model learns to say it, a special token"
    image = tokens.grab().toImage()
    under = [image.pixelColor(rect.center().x(), rect.bottom() - 1) for rect in map(tokens.chip_rect, range(7))]
    assert [colour == theme.color("accent") for colour in under] == [token.trained for token in TOKENS]
    tokens.setFocus()
    QTest.keyClick(tokens, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "Who hid?\nCaptain Mo</s>"


def test_a_record_without_tokens_says_why(filled: DataPanel) -> None:
    click(filled.tags["skipped"])
    assert filled.example.tokens.tokens() == ()
    QTest.keyClick(filled.table, Qt.Key.Key_Down)
    filled.show_tokens(())
    assert filled.example.tokens.words() == "Line 6: broken JSON."


def test_lengths_are_counted_and_the_cut_is_marked(filled: DataPanel) -> None:
    click(filled.example.views.button(1))
    view = filled.example.lengths
    assert view.isVisible() and not filled.example.tokens.isVisible()
    assert filled.example.figures.text() == "median 118 · 2 cut"
    assert view.accessibleDescription() == "median 118 tokens, longest 1,204, 2 cut at 512"
    first = view.bar_rect(0)
    assert view.words_at(first.center().x()) == "64 to 92 tokens: 2 examples"
    assert view.words_at(0) == ""
    cut = view.cut_x()
    assert cut is not None and first.right() < cut < view.width()
    view.set_lengths(np.array([5, 5, 5]), 512)
    assert view.cut_x() is None and view.words_at(view.width() / 2) == "5 tokens: 3 examples"
    view.set_lengths(np.array([], dtype=np.int64), 512)
    assert view.accessibleDescription() == "no example"
    view.grab()


def test_how_records_are_read_can_be_changed(filled: DataPanel) -> None:
    shapes = heard(filled.shape_chosen)
    words = [filled.shapes.itemText(place) for place in range(filled.shapes.count())]
    assert words == ["prompt → completion (question, answer)", "text (answer)"]
    assert (filled.template.text(), filled.template.toolTip()) == ("Template: the model's own…", PREVIEW.template)
    QTest.keyClick(filled.shapes, Qt.Key.Key_Down)
    assert shapes == [OTHER]
    filled.show_preview(replace(PREVIEW, shapes=(SHAPE,), template=""))
    assert not filled.shapes.isEnabled() and filled.shapes.count() == 1
    assert not filled.template.isVisible()


def test_what_is_held_out_is_typed_in_percent(filled: DataPanel) -> None:
    shares, refused = heard(filled.held_out_changed), heard(filled.refused)
    field = filled.held_out
    assert field.field.text() == "10%" and not field.label.is_marked()
    type_share(filled, "12.5")
    assert (shares, field.field.text(), field.label.is_marked()) == ([0.125], "12.5%", True)
    type_share(filled, "95%")
    assert shares == [0.125] and field.field.text() == "12.5%"
    assert isinstance(refused[0], UserError)
    assert refused[0].fact == "“95%” does not fit: Held out goes from 0% to 90%. It is 12.5% now."
    QTest.keyClick(field.field, Qt.Key.Key_Up)
    assert shares[-1] == 0.135
    QTest.mouseDClick(field.label, Qt.MouseButton.LeftButton, pos=QPoint(6, 8))
    assert shares[-1] == 0.1 and not field.label.is_marked()
    filled.set_held_out(0.2)
    assert field.field.text() == "20%" and len(shares) == 3
    assert "0 to 0.9, default 0.1" in field.field.toolTip()


def test_while_a_file_is_read_nothing_else_is_asked(panel: DataPanel) -> None:
    samples = heard(panel.sample_chosen)
    panel.show_busy("Reading tales.jsonl…")
    click(panel.empty.buttons()[0])
    assert samples == [] and panel.subtitle() == "Reading tales.jsonl…" and not panel.source.isEnabled()
    panel.show_preview(PREVIEW)
    assert panel.source.isEnabled()
    panel.show_busy("Counting tokens…")
    assert panel.table.isVisible() and not panel.shapes.isEnabled()
    panel.show_preview(PREVIEW)
    assert panel.subtitle() == PREVIEW.name and panel.shapes.isEnabled()


@pytest.mark.parametrize("choice", ["light", "dark"])
@pytest.mark.parametrize("size", [(340, 300), (400, 460)])
def test_in_a_narrow_column_nothing_is_pushed_out(
    theme: Theme, filled: DataPanel, choice: str, size: tuple[int, int]
) -> None:
    theme.set_choice(choice)
    try:
        filled.resize(*size)
        QTest.qWait(20)
        assert filled.size().toTuple() == size
        for widget in (filled.count, filled.shapes, filled.table, filled.example.views, filled.held_out):
            assert widget.mapTo(filled, QPoint(widget.width(), 0)).x() <= filled.width()
        filled.grab()
    finally:
        theme.set_choice("light")
