"""The Evaluate page: real presses on a real window, and what then stands on the screen."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from ui.desk import Desk

from app.engine.evaluate import perplexity
from app.engine.models.loaded import LoadedModel
from app.engine.texts.records import HUB
from app.session.measured import DONE, STALE
from app.session.text_shelf import samples
from app.ui.explanation import Explanation
from app.ui.pages.evaluate.adding import dropped_texts, pasted
from app.ui.pages.evaluate.page import EvaluatePage
from app.ui.widgets.dataset_dialog import DatasetDialog
from app.ui.widgets.surprise_colours import DIFFERENCE

STORY = "Once upon a time there was a little dog. He liked to run in the park and play with his red ball. " * 12


@pytest.fixture
def evaluating(desk: Desk) -> Desk:
    """The Evaluate page in front."""
    desk.window.show_page("evaluate")
    desk.settle()
    return desk


def page_of(desk: Desk) -> EvaluatePage:
    page = desk.window.pages["evaluate"]
    assert isinstance(page, EvaluatePage)
    return page


def measured(desk: Desk, *texts: str) -> EvaluatePage:
    page = page_of(desk)
    for text in texts:
        page.adding.add_pasted(text)
    desk.settle()
    desk.click(page.bar.start)
    desk.wait(lambda: desk.session.evaluation.running)
    desk.settle()
    return page


def shown(page: EvaluatePage, row: int, column: int) -> str:
    """What the grid tells of a cell, in words."""
    model = page.results.grid.model()
    return str(model.data(model.index(row, column), Qt.ItemDataRole.AccessibleTextRole))


def test_from_nothing_to_figures_in_two_presses(evaluating: Desk, story: LoadedModel) -> None:
    page = page_of(evaluating)
    assert page.results.empty.isVisible()
    page.results.empty.chosen.emit("Use sample texts")
    evaluating.settle()
    assert page.bar.summary.text() == "1 model, 5 texts" or not page.bar.summary.text()
    evaluating.click(page.bar.start)
    evaluating.wait(lambda: evaluating.session.evaluation.running)
    evaluating.settle()
    for column, text in enumerate(samples()):
        expected = perplexity(story, Path(text.path).read_text(encoding="utf-8"))
        assert f"{expected.bits_per_byte:.2f}" in shown(page, 0, column)
    assert page.bar.start.text() == "Measure again"
    assert page.surprise.view.page() is not None, "the first cell stands below the table"


def test_the_text_below_is_the_cells(evaluating: Desk, story: LoadedModel) -> None:
    page = measured(evaluating, STORY, "The red ball was under the table. Tim saw it.")
    page.results.grid.cell_chosen.emit(0, 1)
    evaluating.settle()
    expected = perplexity(story, "The red ball was under the table. Tim saw it.")
    row = page.surprise.view.page().rows[0]
    assert "".join(piece.text for piece in row) == "The red ball was under the table. Tim saw it."
    assert [piece.bits for piece in row][1:] == pytest.approx(expected.token_nats[1:] / math.log(2))
    assert "The red ball" in page.surprise.subtitle()


def test_a_token_shows_what_was_expected_and_leads_to_inspect(evaluating: Desk, story: LoadedModel) -> None:
    page = measured(evaluating, STORY)
    view, side = page.surprise.view, page.surprise.side
    evaluating.click(view.viewport(), QPointF(view.token_rect(0, 4).center()))
    evaluating.settle()
    piece = view.selected_piece()
    assert piece is not None and piece.index == 4
    for part in (side.readout, side.bars):
        assert part.visibleRegion().boundingRect().size() == part.size(), "both are in view without scrolling"
    assert side.readout.height() >= side.readout.layout().totalHeightForWidth(side.readout.width())
    texts = [text for text, _, _ in page.surprise.bars.rows()]
    scores = perplexity(story, STORY)
    assert story.tokenizer.decode([int(scores.ids[4])]) in texts
    assert page.surprise.bars.rows()[0][1] == pytest.approx(float(scores.confidence[4]), rel=1e-3)
    evaluating.click(page.surprise.readout.link)
    evaluating.settle()
    assert evaluating.window.page_key == "inspect"
    assert STORY.startswith(evaluating.session.prompt)
    assert len(story.tokenizer(evaluating.session.prompt)["input_ids"]) == 5


def test_other_windows_make_the_figures_stale(evaluating: Desk, story: LoadedModel) -> None:
    page = measured(evaluating, STORY)
    evaluating.type_over(page.bar.window_field, "64")
    evaluating.type_over(page.bar.stride_field, "32")
    evaluating.settle()
    assert evaluating.session.evaluation.table.cells[0][0].state == STALE
    assert page.bar.start.text() == "Measure"
    evaluating.key(page, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    evaluating.wait(lambda: evaluating.session.evaluation.table.cells[0][0].state == DONE)
    evaluating.settle()
    figures = evaluating.session.evaluation.table.cells[0][0].figures
    assert figures is not None
    assert figures.perplexity == pytest.approx(perplexity(story, STORY, window=64, stride=32).perplexity)
    page.bar.plans.setCurrentIndex(1)
    assert not page.bar.stride_field.isEnabled()
    assert evaluating.session.evaluation.plan.name == "lm-eval"


def test_two_models_above_each_other(evaluating: Desk) -> None:
    page = page_of(evaluating)
    page.adding.add_model("story-gpt", "bf16")
    measured(evaluating, STORY)
    page.results.grid.cell_chosen.emit(0, 0)
    evaluating.settle()
    assert page.surprise.mode.isVisible() and len(page.surprise.view.page().rows) == 2
    evaluating.click(page.surprise.mode.button(1))
    assert page.surprise.view.mode() == DIFFERENCE and "A better" in page.surprise.legend.words()[0]
    page.surprise.beside.setCurrentIndex(0)
    page.surprise.beside.activated.emit(0)
    evaluating.settle()
    assert len(page.surprise.view.page().rows) == 1
    assert page.surprise.legend.words()[0] == "0 bits, expected", "one model alone has no difference"
    for index, title in enumerate(("Loss by position", "Loss up to here", "Loss by context", "Calibration")):
        evaluating.click(page.loss.views.button(index))
        assert page.loss.title() == title
    evaluating.settle()
    diagram = page.loss.diagram
    assert diagram.visibleRegion().boundingRect().size() == diagram.size() and diagram.height() >= 204


def test_a_long_text_is_turned_by_pages(evaluating: Desk) -> None:
    text = STORY * 6
    page = measured(evaluating, text)
    assert page.surprise.forth.isVisible() and not page.surprise.back.isEnabled()
    first = page.surprise.view.page()
    evaluating.click(page.surprise.forth)
    evaluating.settle()
    second = page.surprise.view.page()
    assert second.start == first.stop
    page.surprise.overview.place_chosen.emit(0.99)
    evaluating.settle()
    last = page.surprise.view.page()
    assert last.stop == len(text) and page.surprise.view.selected_piece() is not None


def test_by_hand_with_the_models_numbers(evaluating: Desk, story: LoadedModel) -> None:
    page = page_of(evaluating)
    evaluating.click(page.bar.views.button(1))
    evaluating.settle()
    example = page.worked.example()
    assert example is not None
    sentence = "Once upon a time there was a little dog."
    assert example.perplexity == pytest.approx(perplexity(story, sentence).perplexity)
    assert page.worked.message.text() == "The probability that story-gpt gave each token"
    evaluating.type_over(page.worked.sentence_field, STORY)
    evaluating.settle()
    assert "shorter" in page.worked.message.text()


def test_another_model_is_asked_by_hand_and_for_its_own_quantity(evaluating: Desk) -> None:
    page = page_of(evaluating)
    evaluating.click(page.bar.views.button(1))
    evaluating.settle()
    before = page.worked.example()
    evaluating.open("story-bert")
    evaluating.settle()
    after = page.worked.example()
    assert before is not None and after is not None
    expected = perplexity(evaluating.session.models.loaded(), "Once upon a time there was a little dog.").perplexity
    assert before.perplexity != pytest.approx(expected) and after.perplexity == pytest.approx(expected)
    assert "story-bert" in page.worked.message.text() and "pseudo-perplexity" in page.worked.message.text()
    assert "pseudo-perplexity: 1 /" in page.worked.steps_text()
    evaluating.click(page.worked.choice.button(1))
    assert "pseudo" not in page.worked.steps_text(), "typed numbers are nobody's"
    evaluating.click(page.bar.views.button(0))
    explained: list[Explanation] = []
    page.explained.connect(explained.append)
    measured(evaluating, "The red ball was under the table.")
    assert "<td>Pseudo-perplexity</td>" in explained[-1].formula_note


def test_texts_against_references(evaluating: Desk) -> None:
    page = page_of(evaluating)
    evaluating.click(page.bar.views.button(2))
    evaluating.click(page.metrics.start)
    evaluating.settle()
    assert page.metrics.results.isVisible()


def test_a_model_writes_the_hypotheses(evaluating: Desk, tmp_path: Path) -> None:
    inputs = tmp_path / "inputs.txt"
    inputs.write_text("Once upon a time\nThe dog was\n", encoding="utf-8")
    evaluating.session.text_metrics.write_for(str(inputs))
    evaluating.settle()
    page = page_of(evaluating)
    lines = page.metrics.fields.request().hypotheses.splitlines()
    assert len(lines) == 2 and all(lines)


def test_dropped_files_become_columns(evaluating: Desk, tmp_path: Path) -> None:
    page = page_of(evaluating)
    good, table = tmp_path / "good.txt", tmp_path / "rows.jsonl"
    good.write_text(STORY, encoding="utf-8")
    table.write_text('{"text": "One day."}\n{"text": "The dog ran."}\n', encoding="utf-8")
    binary = tmp_path / "picture.png"
    binary.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in (good, table, binary)])
    drop = QDropEvent(
        QPointF(QPoint(20, 20)),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    page.dropEvent(drop)
    evaluating.settle()
    assert [column.name for column in evaluating.session.evaluation.table.columns] == ["good.txt", "rows.jsonl"]
    assert "picture.png" in page.banner.text()


def test_a_models_folder_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "texts").mkdir()
    assert dropped_texts([str(tmp_path / "model"), str(tmp_path / "texts")]) == [str(tmp_path / "texts")]
    assert pasted("  one\ntwo " * 20).name == "one two one two one two one…"


def test_esc_cancels(evaluating: Desk) -> None:
    page = page_of(evaluating)
    page.adding.add_pasted(STORY * 40)
    evaluating.session.evaluation.set_plan(evaluating.session.evaluation.plan.__class__(32, 1))
    evaluating.settle()
    evaluating.click(page.bar.start)
    evaluating.wait(page.bar.cancel.isVisible)
    evaluating.key(page, Qt.Key.Key_Escape)
    evaluating.settle()
    assert not evaluating.session.evaluation.running
    assert not page.bar.cancel.isVisible()


def test_nothing_to_measure_says_so(evaluating: Desk) -> None:
    page = page_of(evaluating)
    page.run()
    assert "no text" in page.banner.text()


def test_an_impossible_stride_is_refused_at_once(evaluating: Desk) -> None:
    page = measured(evaluating, STORY)
    evaluating.type_over(page.bar.window_field, "64")
    evaluating.type_over(page.bar.stride_field, "64")
    evaluating.settle()
    assert "at most 63" in page.banner.text()
    assert evaluating.session.evaluation.plan.stride is None
    assert page.surprise.view.page() is not None, "what was measured with other windows can still be looked at"


def test_a_folder_is_told_of_file_by_file_and_a_dataset_has_a_source(
    evaluating: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = page_of(evaluating)
    (tmp_path / "latin.txt").write_bytes("Le garçon a mangé une crêpe à Zürich. ".encode("cp1252") * 4)
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("first,second\nOne day.,The dog ran.\n", encoding="utf-8")
    for name in "abcde":
        (tmp_path / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "deep.txt").write_text("Nobody reads this.", encoding="utf-8")
    asked: list[str] = []

    def answer(*question: object) -> tuple[str, bool]:
        asked.append(str(question[2]))
        return "second", True

    monkeypatch.setattr("app.ui.pages.evaluate.adding.QInputDialog.getItem", answer)
    page.adding.drop([str(tmp_path)])
    evaluating.settle()
    texts = evaluating.session.evaluation.texts
    assert [(text.name, text.column) for text in texts] == [
        ("latin.txt", ""),
        ("one.csv: second", "second"),
        ("two.csv: second", "second"),
    ]
    assert asked == ["one.csv is a table. 1 more has the same columns. Which column is the text?"]
    assert "latin.txt is not UTF-8" in page.banner.text()
    assert f"{tmp_path.name}: a.png, b.png, c.png and 2 more (no text); inside (not looked into)." in page.banner.text()

    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs" / "train.csv").write_text("en,fr\nI am happy.,Je suis content.\n", encoding="utf-8")
    dialog = DatasetDialog()
    for field, words in ((dialog.ref, str(tmp_path / "pairs")), (dialog.column, "fr"), (dialog.source_column, "en")):
        field.setText(words)
    assert (dialog.answer().column, dialog.answer().source_column, dialog.answer().limit) == ("fr", "en", 200)
    page.shelf.look_at_dataset(dialog.answer())
    evaluating.settle()
    monkeypatch.setattr("app.ui.pages.evaluate.adding.ColumnsDialog.exec", lambda *_: True)
    monkeypatch.setattr("app.ui.pages.evaluate.adding.ColumnsDialog.answer", lambda *_: ("en", "fr"))
    page.results.grid.columns_wanted.emit(3)
    evaluating.settle()
    text = evaluating.session.evaluation.texts[3]
    assert (text.kind, text.column, text.source_column) == (HUB, "en", "fr")


def test_another_encoding_and_a_source(evaluating: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_of(evaluating)
    latin, table = tmp_path / "latin.txt", tmp_path / "pairs.csv"
    latin.write_bytes("Le garçon a mangé une crêpe à Zürich. ".encode("cp1252") * 4)
    table.write_text("source,text\nI am happy.,Je suis content.\n", encoding="utf-8")
    page.adding.drop([str(latin), str(table)])
    evaluating.settle()
    assert "not UTF-8" in page.banner.text()
    monkeypatch.setattr("app.ui.pages.evaluate.adding.QInputDialog.getItem", lambda *_: ("iso-8859-15", True))
    page.results.grid.encoding_wanted.emit(0)
    evaluating.settle()
    assert evaluating.session.evaluation.texts[0].encoding == "iso-8859-15"
    monkeypatch.setattr("app.ui.pages.evaluate.adding.ColumnsDialog.exec", lambda *_: True)
    monkeypatch.setattr("app.ui.pages.evaluate.adding.ColumnsDialog.answer", lambda *_: ("text", "source"))
    page.results.grid.columns_wanted.emit(1)
    evaluating.settle()
    text = evaluating.session.evaluation.texts[1]
    assert (text.column, text.source_column) == ("text", "source")
    page.adding.add_model("bart-en-fr")
    evaluating.settle()
    evaluating.session.evaluation.measure([(1, 1)])
    evaluating.settle()
    assert evaluating.session.evaluation.table.cells[1][1].state == DONE


def test_a_model_that_is_not_here_says_so_in_its_cells(evaluating: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("app.engine.models.hub.offline", lambda: True)
    page = page_of(evaluating)
    page.adding.add_model("nobody/nothing")
    page.adding.add_pasted(STORY)
    evaluating.settle()
    cell = evaluating.session.evaluation.table.cells[1][0]
    assert cell.state == "failed" and cell.error
    said = page.surprise.view.accessibleDescription
    assert said() == "No text has been measured yet."
    page.results.grid.cell_chosen.emit(1, 0)
    assert said().startswith("nothing on ") and cell.error in said(), "why the chosen cell shows no text"


def test_models_are_offered_at_once(evaluating: Desk) -> None:
    page = page_of(evaluating)
    page.results.model_menu.aboutToShow.emit()
    assert "story-bert" in [action.text() for action in page.results.model_menu.actions()]
