"""The Finetune page: examples and settings, the run as it goes, and what it changed."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

from PySide6.QtCore import QUrl, Slot
from PySide6.QtGui import QDesktopServices, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QMessageBox

from app.engine.errors import UserError
from app.engine.finetune.records import PreviewToken, Report, RunEnd, SampleReport, Shape
from app.engine.finetune.settings import LORA, FinetuneSettings
from app.engine.texts.records import FILE, TextSource
from app.session.comparing import Compared, Measured, Written
from app.session.session import Session
from app.session.text_shelf import samples
from app.ui.actions import bound
from app.ui.pages.finetune import explanations
from app.ui.pages.finetune.before_after import BeforeAfter
from app.ui.pages.finetune.changes_panel import FORGETTING
from app.ui.pages.finetune.layout import FinetuneLayout
from app.ui.theme import Theme
from app.ui.widgets.dataset_dialog import DatasetDialog

RUN, CHANGES, RUNS = range(3)
DATASET_ROWS = 1000
"""Of a dataset, unless the person says otherwise: it may have millions."""
SETS = Path(__file__).resolve().parents[4] / "resources" / "finetune"
FILES = "Examples (*.jsonl *.json *.csv *.tsv *.parquet *.txt);;Every file (*)"
SAMPLES = (
    ("pirate-tales", "Pirate tales: a style"),
    ("questions", "Questions: from stories to answers"),
)


class FinetunePage(FinetuneLayout):
    """Shows what the session's finetuning does with model A."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, session)
        self._tuning, self._view = session.finetuning, session.finetune_view
        self._fresh = False
        """A run has ended, and what came of it was not looked at yet."""
        self.setAcceptDrops(True)
        self.data.set_samples(SAMPLES)
        self._connect_session()
        self._connect_panels()
        self._show_defaults()
        self._show_settings()
        self._show_data()
        self._show_groups()
        self._show_runs()
        self._show_state()

    def _connect_session(self) -> None:
        tuning = self._tuning
        tuning.data_changed.connect(self._show_data)
        tuning.tokens_read.connect(self._tokens_read)
        tuning.groups_changed.connect(self._show_groups)
        tuning.settings_changed.connect(self._show_settings)
        tuning.defaults_changed.connect(self._show_defaults)
        tuning.costs_changed.connect(self._show_costs)
        tuning.state_changed.connect(self._show_state)
        tuning.began.connect(self._began)
        tuning.reported.connect(self._reported)
        tuning.ended.connect(self._ended)
        tuning.runs_changed.connect(self._show_runs)
        tuning.run_read.connect(self._run_read)
        tuning.done.connect(self._done)
        self._view.written.connect(self._written)
        self._view.compared.connect(self._compared)
        self._view.measured.connect(self._measured)
        self._view.sides_changed.connect(self._show_sides)
        self._view.forgotten.connect(self._forgotten)
        self._session.models.weights_changed.connect(self._show_state)
        self._session.model_changed.connect(self._model_changed)

    def _connect_panels(self) -> None:
        tuning = self._tuning
        self.data.source_menu.aboutToShow.connect(self._fill_sources)
        self.data.row_chosen.connect(tuning.read_tokens)
        self.data.shape_chosen.connect(self._shape_chosen)
        self.data.held_out_changed.connect(self._held_out_changed)
        self.data.sample_chosen.connect(self.choose_sample)
        self.data.file_wanted.connect(self.choose_file)
        self.data.refused.connect(self.show_error)
        self.method.changed.connect(self._settings_chosen)
        self.method.refused.connect(self.show_error)
        self.method.start.clicked.connect(self.run)
        self.method.place_wanted.connect(self.choose_place)
        self.training.pause_wanted.connect(tuning.pause)
        self.training.stop_wanted.connect(tuning.stop)
        self.training.discard_wanted.connect(self._discard)
        self.training.resume_wanted.connect(self._resume_last)
        self.training.step_chosen.connect(self._step_chosen)
        self.samples.prompts_changed.connect(self._prompts_changed)
        self.samples.step_chosen.connect(self._step_chosen)
        self.before_after.write_wanted.connect(self._write_wanted)
        self.changes.prompt_asked.connect(self._compare)
        self.changes.sides_chosen.connect(self._sides_chosen)
        self.changes.step_chosen.connect(self._side_at)
        self.changes.views.changed.connect(self._change_viewed)
        self.changes.forgetting.old_menu.aboutToShow.connect(self._fill_old)
        self.changes.head_chosen.connect(self._head_chosen)
        self.runs.open_wanted.connect(self._session.open_model)
        self.runs.settings_wanted.connect(self._settings_of)
        self.runs.resume_wanted.connect(self._resume)
        self.runs.merge_wanted.connect(self._merge)
        self.runs.export_wanted.connect(self._export)
        self.runs.reveal_wanted.connect(self._reveal)
        self.runs.remove_wanted.connect(self._remove)

    # Data

    @Slot()
    def _fill_sources(self) -> None:
        menu = self.data.source_menu
        menu.clear()
        menu.addAction("File…", self.choose_file)
        menu.addAction("Hub dataset…", self.ask_dataset)
        menu.addSeparator()
        for key, words in SAMPLES:
            menu.addAction(f"Sample: {words}", bound(self.choose_sample, key))

    @Slot()
    def choose_file(self) -> None:
        """Ask for a file of examples."""
        path, _ = QFileDialog.getOpenFileName(self, "Examples to learn from", "", FILES)
        if path:
            self.choose(path)

    def choose(self, path: str) -> None:
        """Take a file of examples."""
        self.banner.clear(including_errors=True)
        self._tuning.choose(TextSource(FILE, Path(path).name, path=path))

    @Slot()
    def ask_dataset(self) -> None:
        """Ask for a dataset of the hub."""
        dialog = DatasetDialog(self, "train", "recognised from the rows", DATASET_ROWS, "when they are read")
        if dialog.exec() and dialog.ref.text().strip():
            self.banner.clear(including_errors=True)
            self._tuning.choose(dialog.answer())

    @Slot(str)
    def choose_sample(self, key: str) -> None:
        """A set that comes with the program, with settings under which it visibly works."""
        known = {each.name for each in fields(FinetuneSettings)}
        wanted = json.loads((SETS / f"{key}.settings.json").read_text(encoding="utf-8"))
        chosen = {name: value for name, value in wanted.items() if name in known}
        self._tuning.set_settings(replace(FinetuneSettings(), **chosen))
        self.choose(str(SETS / f"{key}.jsonl"))

    @Slot(object)
    def _shape_chosen(self, shape: Shape) -> None:
        self._tuning.choose_shape(shape)

    @Slot(float)
    def _held_out_changed(self, share: float) -> None:
        self._tuning.set_settings(replace(self._tuning.settings, held_out=share))

    @Slot(tuple)
    def _prompts_changed(self, prompts: tuple[str, ...]) -> None:
        self._tuning.set_settings(replace(self._tuning.settings, prompts=prompts))

    @Slot(object)
    def _settings_chosen(self, settings: FinetuneSettings) -> None:
        own = self._tuning.settings
        self._tuning.change_settings(replace(settings, held_out=own.held_out, prompts=own.prompts))
        self.explain()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._dropped(event):
            event.acceptProposedAction()
        else:
            event.ignore()

    def dropEvent(self, event: QDropEvent) -> None:
        if path := self._dropped(event):
            event.acceptProposedAction()
            self.choose(path)

    @staticmethod
    def _dropped(event: QDropEvent) -> str:
        """A file; a model's folder goes on to the window, which opens it."""
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        return next((path for path in paths if Path(path).is_file()), "")

    @Slot()
    def _show_data(self) -> None:
        tuning = self._tuning
        if tuning.reading and tuning.source is not None:
            self.data.show_busy(f"Reading {tuning.source.name}…")
        else:
            self.data.show_preview(tuning.preview)
        self._show_state()

    @Slot(str, object)
    def _tokens_read(self, _place: str, tokens: tuple[PreviewToken, ...]) -> None:
        self.data.show_tokens(tokens)

    @Slot()
    def _show_groups(self) -> None:
        self.method.set_target_groups(self._tuning.groups)

    @Slot()
    def _show_settings(self) -> None:
        settings = self._tuning.settings
        if settings != self.method.settings():
            self.method.set_settings(settings)
        self.data.set_held_out(settings.held_out)
        summary = self._session.summary
        kind, mask = ("decoder", "") if summary is None else (summary.kind, summary.mask_token)
        self.samples.set_prompts(settings.prompts, kind == "decoder", mask if kind == "encoder" else "")

    @Slot()
    def _show_defaults(self) -> None:
        self.method.set_start(self._tuning.defaults, self._tuning.reasons)

    @Slot()
    def _show_costs(self) -> None:
        self.method.show_costs(self._tuning.costs)
        self.explain()

    @Slot()
    def _model_changed(self) -> None:
        """What was written and compared was another model's."""
        self.before_after.clear()
        self.changes.clear()
        self.changes.set_prompt("")
        self._show_settings()
        self._show_state()

    # The run

    @Slot()
    def run(self) -> None:
        if not self._tuning.running:
            self.banner.clear(including_errors=True)
            self._tuning.start()

    @Slot()
    def _show_state(self) -> None:
        tuning, loaded = self._tuning, self._session.models.loaded()
        adapted = loaded is not None and loaded.adapter is not None and not tuning.running
        ready = tuning.preview is not None and not tuning.running and not adapted
        words = (
            "A run is in progress. Changes apply to the next one."
            if tuning.running
            else "This model carries an adapter: open its base to train anew."
            if adapted
            else ""
            if ready
            else "Choose examples first."
        )
        self.method.set_state(tuning.running, words)
        self.method.start.setEnabled(ready)
        self.training.set_state(tuning.running, tuning.paused)
        why = "" if self._view.possible else "Needs a finetuned model: one with an adapter, or its base open as B."
        self.before_after.set_ready(self._view.possible and not tuning.running, why)

    @Slot(object)
    def _began(self, before: tuple[Report, ...]) -> None:
        tuning = self._tuning
        self._fresh = False
        self.show_view(RUN)
        name = tuning.folder.name if tuning.folder is not None else ""
        if before:
            self.training.show_run(before, name)
        else:
            self.training.begin(tuning.costs.steps if tuning.costs is not None else 0, name)
        self._show_samples(before)
        self.training.set_state(True, False)

    def _show_samples(self, reports: tuple[Report, ...]) -> None:
        self.samples.clear()
        for report in reports:
            if isinstance(report, SampleReport):
                self.samples.add(report)

    @Slot(object)
    def _reported(self, report: Report) -> None:
        self.training.add((report,))
        if isinstance(report, SampleReport):
            self.samples.add(report)

    @Slot(object)
    def _ended(self, end: RunEnd | None) -> None:
        self.training.end(end, "" if end is not None else "The model is as it was; checkpoints are kept.")
        self._show_state()
        self._fresh = end is not None
        self._look_at_result()

    def _look_at_result(self) -> None:
        """Once after a run: what both write, and what was learnt and forgotten. A full finetune has its "before" only
        when the run is among those that are listed."""
        pair = self._view.before_after
        if not self._fresh or pair is None:
            return
        self._fresh = False
        prompts = self._tuning.settings.prompts
        prompt = prompts[0] if prompts else self._session.prompt
        if prompt and self._answers_to(prompt):
            self._write_wanted(prompt)
        self._view.measure(pair)

    def _answers_to(self, prompt: str) -> bool:
        """Whether there is something to write: a masked model fills gaps, and needs one."""
        summary = self._session.summary
        return summary is not None and (summary.kind != "encoder" or summary.mask_token in prompt)

    @Slot()
    def _discard(self) -> None:
        """Nothing learnt is thrown away without a yes."""
        words = "Throw away what this run has learnt? Its checkpoints stay in its folder."
        if QMessageBox.question(self, "Stop and discard", words) == QMessageBox.StandardButton.Yes:
            self._tuning.discard()

    @Slot()
    def _resume_last(self) -> None:
        if self._tuning.folder is not None:
            self._tuning.resume(self._tuning.folder)

    @Slot(int)
    def _step_chosen(self, step: int) -> None:
        """Look at the checkpoint nearest to a step."""
        known = self._checkpoints()
        if known and self._view.possible:
            nearest = min(known, key=lambda each: abs(each - step))
            self.training.mark_step(nearest)
            self._view.look_at_run(nearest)
            self.show_view(CHANGES)
            self._compare(self._text_to_compare())

    # What changed

    def view_shown(self, index: int) -> None:
        """Compare at once when there is something to compare and nothing is shown yet."""
        if index == CHANGES and self._view.found is None:
            if self._view.possible and not self._tuning.running:
                self._compare(self._text_to_compare())
            else:
                self.changes.clear("Finetune a model, or open an adapter: what it changed stands here.")
        self.explain()

    @Slot(str)
    def _write_wanted(self, prompt: str) -> None:
        self.before_after.set_prompt(prompt)
        self.before_after.show_busy()
        self._view.write(prompt)

    @Slot(object)
    def _written(self, found: Written) -> None:
        names = found.sides[0].name, found.sides[1].name
        self.before_after.show_texts(BeforeAfter(found.prompt, names, found.texts, found.continued))

    @Slot(str)
    def _compare(self, text: str) -> None:
        if text:
            self.changes.set_prompt(text)
            self.changes.show_busy()
            self._view.compare(text)
        self._measure_shown()

    def _text_to_compare(self) -> str:
        """What stands in the field, else the prompt of the other pages, else the first sample prompt."""
        prompts = self._tuning.settings.prompts
        return self.changes.prompt.text() or self._session.prompt or (prompts[0] if prompts else "")

    @Slot()
    def _forgotten(self) -> None:
        """What is compared has other weights now."""
        if self.isVisible() and self.views.index() == CHANGES:
            self.view_shown(CHANGES)

    @Slot(int, int)
    def _sides_chosen(self, first: int, second: int) -> None:
        choices = self._view.choices()
        self._view.choose(choices[first], choices[second])
        self._compare(self._text_to_compare())

    @Slot(int)
    def _side_at(self, step: int) -> None:
        self._view.choose_step(step)
        self._compare(self._text_to_compare())

    @Slot()
    def _show_sides(self) -> None:
        """Who can be compared, and who is."""
        choices, pair = self._view.choices(), self._view.sides
        if pair is None:
            self.changes.set_sides((), -1, -1)
            self.changes.set_steps((), None)
            return
        self.changes.set_sides([each.name for each in choices], choices.index(pair[0]), choices.index(pair[1]))
        steps, step = self._view.steps_of(pair[1]), pair[1].step
        self.changes.set_steps(steps, steps[-1] if step is None and steps else step)

    def _checkpoints(self) -> tuple[int, ...]:
        """The checkpoints of model A's run."""
        folder = str(self._view.run_folder())
        return next((run.checkpoints for run in self._tuning.runs if run.folder == folder), ())

    @Slot(object)
    def _compared(self, found: Compared) -> None:
        self.changes.show_comparison(found.comparison, found.tokens, found.target_tokens)
        self.changes.show_weights(found.weights)
        if (chosen := self.changes.chosen_head()) is not None:
            self._head_chosen(*chosen)

    @Slot(int)
    def _change_viewed(self, _view: int) -> None:
        self._measure_shown()

    def _measure_shown(self) -> None:
        """Measure what is forgotten where that is looked at and not known yet."""
        known = self._view.figures
        if self.changes.views.index() == FORGETTING and (known is None or known.sides != self._view.sides):
            self.changes.forgetting.show_busy()
            self._view.measure()

    @Slot(object)
    def _measured(self, found: Measured) -> None:
        if found.sides == self._view.before_after:
            self.before_after.show_figures(found.figures)
        if found.sides == self._view.sides:
            self.changes.forgetting.show_figures(found.figures)

    @Slot()
    def _fill_old(self) -> None:
        menu, summary = self.changes.forgetting.old_menu, self._session.summary
        menu.clear()
        menu.addAction("File…", self._choose_old)
        if summary is not None and summary.kind != "encoder-decoder":
            menu.addSeparator()
            for text in samples():
                menu.addAction(f"Sample: {text.name}", bound(self._old_chosen, text))

    @Slot()
    def _choose_old(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "A text of the kind that the model knew before", "", FILES)
        if path:
            self._old_chosen(TextSource(FILE, Path(path).name, path=path))

    def _old_chosen(self, source: TextSource) -> None:
        self._view.set_old(source)
        self._measure_shown()

    @Slot(str, int, int)
    def _head_chosen(self, kind: str, layer: int, head: int) -> None:
        found = self._view.found
        if found is not None and (kind, layer) in found.patterns:
            first, second = found.patterns[kind, layer]
            self.changes.show_patterns(layer, head, first[head], second[head], kind)

    # Runs

    @Slot()
    def _show_runs(self) -> None:
        self.runs.show_runs(self._tuning.runs)
        self.method.set_place(str(self._tuning.root or ""))
        self._show_state()
        self._look_at_result()

    @Slot()
    def choose_place(self) -> None:
        """Ask for the folder in which every run gets one of its own."""
        if chosen := QFileDialog.getExistingDirectory(self, "Where runs are kept", str(self._tuning.root or "")):
            self._tuning.keep_in(Path(chosen))

    @Slot(str)
    def _settings_of(self, folder: str) -> None:
        self._tuning.read_run(Path(folder))

    @Slot(object)
    def _run_read(self, found: tuple[FinetuneSettings, TextSource, Shape, tuple[Report, ...]]) -> None:
        settings, source, shape, reports = found
        self._tuning.set_settings(settings)
        self._tuning.choose(source, shape)
        self.training.show_run(reports, "an earlier run")
        self._show_samples(reports)
        self.show_view(RUN)

    @Slot(str)
    def _resume(self, folder: str) -> None:
        self._tuning.resume(Path(folder))

    @Slot(str)
    def _merge(self, folder: str) -> None:
        if into := self._new_folder("Where to write the merged model", f"{Path(folder).name}-merged"):
            self._tuning.merge(Path(folder), into)

    @Slot(str)
    def _export(self, folder: str) -> None:
        if into := self._new_folder("Where to write the exported run", f"{Path(folder).name}-export"):
            self._tuning.export(Path(folder), into)

    def _new_folder(self, words: str, name: str) -> Path | None:
        chosen = QFileDialog.getExistingDirectory(self, words)
        return Path(chosen) / name if chosen else None

    @Slot(str)
    def _reveal(self, folder: str) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(folder))

    @Slot(str)
    def _remove(self, folder: str) -> None:
        words = f"Delete the run {Path(folder).name} with its checkpoints and its result?"
        if QMessageBox.question(self, "Delete the run", words) == QMessageBox.StandardButton.Yes:
            self._tuning.remove(Path(folder))

    @Slot(str)
    def _done(self, words: str) -> None:
        self.banner.show_message("info", words)

    # What the window asks

    def show_error(self, error: UserError) -> None:
        self.before_after.show_idle()
        self.changes.show_idle()
        super().show_error(error)

    def stop(self) -> None:
        if self._tuning.running:
            self._tuning.stop()

    def take_focus(self) -> None:
        self.method.start.setFocus()

    def explain(self) -> None:
        view = self.views.index()
        if view == CHANGES:
            self.explained.emit(explanations.CHANGES)
        elif view == RUNS:
            self.explained.emit(explanations.RUNS)
        else:
            settings = self._tuning.settings
            costs = self._tuning.costs if settings.method == LORA or self._tuning.costs is not None else None
            self.explained.emit(explanations.explain_method(settings, self._session.summary, costs))
