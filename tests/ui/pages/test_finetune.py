"""The Finetune page: from a set of examples to a model that writes otherwise, and what changed inside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox, QWidget
from ui.desk import Desk, words

from app.engine.decode.settings import DecodingSettings
from app.engine.finetune import run_folder
from app.engine.finetune.records import MemoryPart, Shape
from app.engine.finetune.run_folder import read_run
from app.session.state import OpenRequest
from app.ui.closing import KEEP
from app.ui.pages.finetune.data_panel import CHOOSE_FILE
from app.ui.pages.finetune.page import CHANGES, RUN, RUNS, FinetunePage
from app.ui.pages.finetune.run_words import perplexity_text
from app.ui.widgets.dataset_dialog import DatasetDialog
from app.ui.widgets.save_dialog import try_saving


@pytest.fixture
def tuning(desk: Desk, tmp_path: Path) -> Iterator[Desk]:
    """The Finetune page in front, with the pirates and a short run."""
    desk.window.show_page("finetune")
    desk.session.finetuning.runs.keep_in(tmp_path / "runs")
    page_of(desk).data.sample_chosen.emit("pirate-tales")
    data = desk.session.finetuning.data
    desk.wait(lambda: data.preview is not None)
    data.set_settings(
        replace(data.settings, max_steps=6, evaluate_every=3, prompts=("Once upon a time",), sample_tokens=4)
    )
    desk.wait(lambda: data.costs is not None and not data._ask.isActive())
    desk.settle()
    yield desk
    desk.session.finetuning.discard()
    desk.settle()


def page_of(desk: Desk) -> FinetunePage:
    page = desk.window.pages["finetune"]
    assert isinstance(page, FinetunePage)
    return page


def finished(desk: Desk) -> FinetunePage:
    page = page_of(desk)
    desk.click(page.method.start)
    desk.wait(lambda: desk.session.finetuning.running)
    desk.wait(lambda: not desk.session.finetuning.running)
    desk.settle()
    return page


def seen(widget: QWidget) -> int:
    """How many pixels of a widget's height are in sight."""
    return widget.visibleRegion().boundingRect().height()


def test_from_examples_to_an_adapter(tuning: Desk) -> None:
    page = page_of(tuning)
    assert page.data.subtitle() == "pirate-tales.jsonl"
    # At 1440 × 900 six records, what is held out, what a run costs and its time are in sight; lower, one panel is.
    table = page.data.table
    assert table.viewport().height() >= 6 * table.rowHeight(0)
    assert "for 6 steps" in page.method.costs.time.text()
    for widget in (page.data.held_out, page.method.costs, page.method.costs.time):
        assert seen(widget) >= widget.height() - 2, widget
    assert seen(page.data.example.tokens) >= 20
    tuning.window.resize(1120, 720)
    tuning.wait(page.left.tabs.isVisible)
    assert page.data.isVisible() and not page.method.isVisible()
    tuning.click(page.left.tabs.button(1))
    assert page.method.isVisible() and not page.data.isVisible()
    tuning.wait(lambda: seen(page.method.costs) >= page.method.costs.height() - 2)
    tuning.window.resize(1440, 900)
    tuning.wait(lambda: page.data.isVisible() and page.method.isVisible())
    assert page.method.start.isEnabled()
    finished(tuning)
    run = tuning.session.finetuning.runs.entries[0]
    assert run.state == "done" and run.step == 6
    assert run.best_held_out is not None and run.first_held_out is not None
    assert run.best_held_out < run.first_held_out
    assert "done" in page.training.subtitle()
    assert tuning.session.models.adapter_words() == "with LoRA"
    assert not page.method.start.isEnabled()
    assert (Path(run.folder) / "adapter_model.safetensors").exists()
    # What the two wrote stands there from its beginning, letter for letter, and what was learnt and forgotten.
    for card in page.before_after.cards:
        assert card.text.toPlainText().startswith("Once upon a time") and card.text.verticalScrollBar().value() == 0
        assert re.fullmatch(r"perplexity new [\d.,]+ · old [\d.,]+", card.figure.text())
    tip = page.before_after.cards[0].figure.toolTip()
    assert "held-out perplexity, as the run has it · 24 held-out texts of pirate-tales.jsonl" in tip and "all " in tip
    new = [card.figure.text().split()[2] for card in page.before_after.cards]
    looks = page.training.log.held_out
    assert new == [perplexity_text(looks[0].perplexity), perplexity_text(looks[-1].perplexity)]
    assert "program at most" in page.training.subtitle()
    written = [(row.step, row.text) for row in page.samples.list.rows()]
    # What carries an adapter is not trained again; its base is one press away.
    tuning.click(page.method.base)
    tuning.wait(page.method.start.isEnabled)
    tuning.settle()
    summary = tuning.session.summary
    assert summary is not None and (summary.ref, summary.adapter_of) == ("story-gpt", "")
    assert not page.method.base.isVisible() and tuning.session.finetuning.data.preview is not None
    # A model of another kind: no figures of that run, samples that fit, and what does not fit changes nothing.
    data, offered = tuning.session.finetuning.data, page.data.empty.buttons
    assert "done" in page.training.subtitle() and page.training.log.count == 6, "its base is no other model"
    tuning.open("bart-en-fr")
    tuning.settle()
    assert page.training.subtitle() == "" and page.training.log.count == 0 and not page.samples.list.rows()
    assert [button.text() for button in offered()] == ["Questions: short answers", CHOOSE_FILE]
    assert not page.banner.is_open() and "tales.jsonl: bart-en-fr writes one text from another" in words(
        page.data.empty
    )
    assert page.data.empty.isVisible() and data.preview is None and page.before_after.prompt.text() == ""
    settings = data.settings
    page.choose_sample("pirate-tales")
    tuning.settle()
    assert "needs a prompt and a completion" in page.banner.text() and data.settings == settings
    tuning.click(offered()[0])
    tuning.settle()
    assert data.preview is not None and data.settings.prompts[0].startswith("Question") and not page.banner.is_open()
    page.choose("nowhere.jsonl")
    tuning.settle()
    assert page.banner.kind() == "error" and page.data.subtitle() == "questions.jsonl" and page.data.table.isVisible()
    tuning.open("story-gpt")
    page.choose_sample("pirate-tales")
    tuning.settle()
    shape = Shape("text", (("text", "text"),))
    run_folder.write_json(
        Path(run.folder) / "run.json", {**run_folder.read_run(Path(run.folder)), "shape": asdict(shape)}
    )
    assert data.shape is None
    page.runs.settings_wanted.emit(run.folder)
    tuning.settle()
    assert data.shape == shape, "read as that run read it, not as its columns look"
    assert [(row.step, row.text) for row in page.samples.list.rows()] == written and len(written) == 3
    page.training.chart.copy_values()
    assert "The values are on the clipboard." in words(tuning.window.strip)
    chart = page.training.chart
    try_saving(chart.save_png, Path(run.folder) / "none" / "loss.png", chart.done.emit, chart.failed.emit)
    assert page.banner.kind() == "error" and "could not be written" in page.banner.text()


def test_what_changed_is_shown_and_a_run_is_merged(
    tuning: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = finished(tuning)
    tuning.click(page.views.button(CHANGES))
    tuning.settle()
    found = tuning.session.finetune_view.found
    assert found is not None and len(found.weights) == 16
    assert page.changes.scrubber.isVisible()
    first = tuning.session.finetuning.runs.entries[0].checkpoints[0]
    assert page.changes.chosen_head() is not None, "the head that looks elsewhere most is shown at once"
    page.changes.step_chosen.emit(first)
    tuning.settle()
    early = tuning.session.finetune_view.found
    assert early is not None and early.sides[1].step == first
    assert sum(change.norm for change in early.weights) < sum(change.norm for change in found.weights)
    for view, title in enumerate(("What changed inside", "How far the weights moved", "Where the two streams part")):
        tuning.click(page.changes.views.button(view))
        assert title in words(tuning.window.explain)
    tuning.click(page.views.button(RUNS))
    assert page.right.currentWidget() is page.runs
    # What was written takes the place of an old error.
    run = tuning.session.finetuning.runs.entries[0]
    taken = tmp_path / "merged" / f"{run.name}-merged"
    taken.mkdir(parents=True)
    (taken / "config.json").write_text("{}", encoding="utf-8")
    for place in ("merged", "elsewhere"):
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, at=place: str(tmp_path / at))
        page.runs.merge_wanted.emit(run.folder)
        tuning.settle()
        if place == "merged":
            assert page.banner.kind() == "error" and "or empty this one first" in page.banner.text()
    assert page.banner.is_open() and page.banner.kind() == "info"
    assert page.banner.text() == f"Note: Written into {tmp_path / 'elsewhere' / taken.name}."


def test_one_key_switches_the_adapter_and_texts_say_what_wrote_them(tuning: Desk) -> None:
    tuning.key(tuning.window, Qt.Key.Key_F6)
    assert "carries no adapter" in page_of(tuning).banner.text()
    tuning.qtbot.keyClicks(page_of(tuning).before_after.prompt, "The sky")
    page = finished(tuning)
    assert page.before_after.prompt.text() == "The sky", "what the person typed is not overwritten"
    assert all(card.text.toPlainText().startswith("The sky") for card in page.before_after.cards)
    session, output = tuning.session, tuning.generate.output
    session.set_prompt("Once upon a time")
    session.generation.set_settings(DecodingSettings(max_new_tokens=3, seed=1))
    session.generate()
    tuning.settle()
    assert "written" not in output.said()
    tuning.key(tuning.window, Qt.Key.Key_F6)
    tuning.settle()
    assert session.models.adapter_words() == "adapter off"
    assert "written with LoRA, which is not the state now" in output.said()
    session.generate()
    tuning.settle()
    assert "written" not in output.said()
    tuning.key(tuning.window, Qt.Key.Key_F6)
    tuning.settle()
    assert session.models.adapter_words() == "with LoRA"
    assert "written with the adapter off" in output.said()
    # B has a key of its own.
    session.models.open(OpenRequest(str(session.finetuning.runs.folder), slot="B"))
    tuning.settle()
    tuning.key(tuning.window, Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
    tuning.settle()
    assert (session.models.adapter_words("A"), session.models.adapter_words("B")) == ("with LoRA", "adapter off")


def test_nothing_is_thrown_away_without_a_yes(tuning: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    page, session = page_of(tuning), tuning.session
    session.finetuning.data.set_settings(replace(session.finetuning.data.settings, max_steps=500))
    tuning.wait(lambda: not session.finetuning.data._ask.isActive())
    tuning.settle()
    fixed = session.finetuning.data.costs
    assert fixed is not None
    session.finetuning.data.costs = replace(fixed, parts=(MemoryPart("activations", 1 << 60),))
    tuning.click(page.method.start)
    tuning.settle()
    assert not session.finetuning.running and not session.finetuning.runs.entries, "what cannot fit does not begin"
    assert "Training story-gpt needs 1152921504.6 GB" in page.banner.text()
    session.finetuning.data.costs = fixed
    tuning.click(page.method.start)
    tuning.wait(lambda: session.finetuning.step > 3)
    tuning.wait(lambda: "training, step" in tuning.window.top_bar.model_box.accessibleName())
    # What waits for the end of the run says so.
    tuning.qtbot.keyClicks(page.before_after.prompt, "Ahoy")
    assert not page.before_after.write.isEnabled() and "is being trained" in page.before_after.write.toolTip()
    tuning.click(page.views.button(CHANGES))
    assert page.changes.empty.isVisible() and "when it has ended" in words(page.changes.empty)
    tuning.key(tuning.window, Qt.Key.Key_F6)
    assert page.banner.kind() == "warn" and page.banner.text().startswith("Warning: story-gpt is being trained.")
    tuning.click(page.views.button(RUN))
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    tuning.click(page.training.discard)
    assert session.finetuning.running
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    tuning.click(page.training.discard)
    tuning.settle()
    assert not session.finetuning.running
    loaded = session.models.loaded()
    assert loaded is not None and loaded.adapter is None
    assert not page.banner.is_open()
    assert re.fullmatch(
        r"thrown away at step \d+ · the model is as it was, its checkpoint of step \d+ is kept",
        page.training.subtitle(),
    )
    # A run that diverges says so in the list too; which checkpoint is sound is told once, and no clipping is advised.
    thrown, settings = session.finetuning.runs.folder, session.finetuning.data.settings
    session.finetuning.data.set_settings(replace(settings, method="full", learning_rate=10.0, batch_size=1, prompts=()))
    tuning.click(page.method.start)
    tuning.wait(lambda: session.finetuning.running)
    tuning.settle()
    lost = session.finetuning.runs.entries[0]
    assert (lost.state, lost.result, lost.best) == ("diverged", "", "")
    assert re.fullmatch(r"diverged at step \d+ · the model is as it was", page.training.subtitle())
    assert page.banner.text().endswith("Lower the learning rate (10). No checkpoint is from before it went wrong.")
    session.finetuning.data.set_settings(settings)
    # At the next start a run that was broken off stands there and can be gone on with.
    session.finetuning.runs.folder = thrown
    assert not page.training.resume.isVisible()
    session.finetuning.restore(session.finetuning.kept())
    session.finetuning.runs.list_runs()
    tuning.settle()
    assert re.search(r"broken off at step \d+ of 500: Resume goes on from step \d+$", page.training.subtitle())
    tuning.click(page.training.resume)
    tuning.wait(lambda: session.finetuning.running)


@pytest.mark.parametrize("button", [KEEP, "Cancel"])
def test_closing_during_a_run_stops_and_keeps(tuning: Desk, monkeypatch: pytest.MonkeyPatch, button: str) -> None:
    session = tuning.session
    session.finetuning.data.set_settings(replace(session.finetuning.data.settings, max_steps=500, evaluate_every=250))
    tuning.wait(lambda: not session.finetuning.data._ask.isActive())
    tuning.settle()
    tuning.click(page_of(tuning).method.start)
    tuning.wait(lambda: session.finetuning.step > 0)
    monkeypatch.setattr(tuning.window, "_remembering", True)
    monkeypatch.setattr("app.ui.window.remember", lambda *_: None)

    def press() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        tuning.click(next(each for each in box.buttons() if each.text().replace("&", "") == button))

    QTimer.singleShot(200, press)
    assert not tuning.window.close(), "it waits until what was learnt is written"
    if button == "Cancel":
        assert session.finetuning.running and tuning.window.isVisible()
        monkeypatch.undo()
        return
    tuning.wait(lambda: not tuning.window.isVisible())
    folder = session.finetuning.runs.folder
    assert folder is not None and (folder / "adapter_model.safetensors").exists()
    assert read_run(folder)["state"] == "stopped"


def test_a_broken_file_says_which_line(tuning: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"text": "Ahoy!"}\n{"text": \n{"text": "Arr, a ship."}\n', encoding="utf-8")
    page = page_of(tuning)
    page.choose(str(broken))
    tuning.settle()
    preview = tuning.session.finetuning.data.preview
    assert preview is not None and preview.usable == 2
    assert [problem.place for problem in preview.problems] == ["line 2"]
    # A dataset, asked for with the menu's dialog; a folder that is laid out as one stands for the hub.
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.jsonl").write_text('{"text": "Ahoy!"}\n' * 2 + '{"text": "Arr."}\n', encoding="utf-8")
    page.data.source_menu.aboutToShow.emit()
    asked = next(each for each in page.data.source_menu.actions() if each.text() == "Hub dataset…")

    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, DatasetDialog) and "train" in dialog.split.placeholderText()
        dialog.ref.setText(str(tmp_path / "set"))
        dialog.limit.setValue(2)
        dialog.accept()

    QTimer.singleShot(100, answer)
    asked.trigger()
    tuning.settle()
    # Another folder for runs; there are none in it yet.
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "set"))
    tuning.click(page.method.fold)
    assert page.method.place.isVisible() and page.method.place.text() == "Kept in runs…"
    page.method.place.click()
    tuning.settle()
    assert tuning.session.finetuning.runs.root == tmp_path / "set" and page.method.place.text() == "Kept in set…"
    assert str(tmp_path / "set") in page.method.place.toolTip()
    preview = tuning.session.finetuning.data.preview
    assert preview is not None and preview.records == 2 and preview.problems[0].words == "duplicate of row 1"
