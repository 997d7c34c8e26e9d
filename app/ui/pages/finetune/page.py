"""The Finetune page: examples and settings, the run as it goes, and what it changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFileDialog, QMessageBox

from app.engine.errors import UserError
from app.engine.finetune.records import Report, RunEnd, SampleReport, Shape
from app.engine.finetune.settings import LORA, FinetuneSettings
from app.engine.texts.records import TextSource
from app.session.session import Session
from app.ui.pages.finetune import explanations
from app.ui.pages.finetune.changes_readings import CHANGES, RUN, RUNS
from app.ui.pages.finetune.data_readings import DataReadings
from app.ui.pages.finetune.kept_runs import KeptRuns
from app.ui.pages.finetune.run_words import state_text, unended_text
from app.ui.pages.finetune.runs_panel import resumable
from app.ui.theme import Theme


class FinetunePage(DataReadings):
    """Shows what the session's finetuning does with model A."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, session)
        self._kind = session.summary.kind if session.summary is not None else ""
        """The kind of the model that prompts were last typed for."""
        self._shown: Path | None = None
        """The folder of the run whose figures are shown."""
        self._connect_session()
        self._connect_panels()
        self._kept = KeptRuns(session, self.runs)
        self._show_defaults()
        self._show_settings()
        self._show_groups()
        self._show_runs()
        self._show_state()
        self._show_last()

    def _connect_session(self) -> None:
        tuning = self._tuning
        tuning.data.data_changed.connect(self._show_state)
        tuning.data.groups_changed.connect(self._show_groups)
        tuning.data.settings_changed.connect(self._show_settings)
        tuning.data.defaults_changed.connect(self._show_defaults)
        tuning.data.costs_changed.connect(self._show_costs)
        tuning.state_changed.connect(self._show_state)
        tuning.began.connect(self._began)
        tuning.reported.connect(self._reported)
        tuning.ended.connect(self._ended)
        tuning.runs.changed.connect(self._show_runs)
        tuning.runs.read.connect(self._run_read)
        tuning.runs.last_found.connect(self._show_last)
        tuning.runs.done.connect(self._done)
        self._session.models.weights_changed.connect(self._show_state)
        self._session.model_changed.connect(self._model_changed)

    def _connect_panels(self) -> None:
        tuning = self._tuning
        self.method.changed.connect(self._settings_chosen)
        self.method.refused.connect(self.show_error)
        self.method.start.clicked.connect(self.run)
        self.method.base.clicked.connect(self.open_base)
        self.method.place_wanted.connect(self.choose_place)
        self.training.pause_wanted.connect(tuning.pause)
        self.training.stop_wanted.connect(tuning.stop)
        self.training.discard_wanted.connect(self._discard)
        self.training.resume_wanted.connect(self._resume_last)
        self.samples.prompts_changed.connect(self._prompts_changed)
        self.changes.views.changed.connect(self._change_viewed)
        self.tell_exports()

    # Settings

    @Slot(tuple)
    def _prompts_changed(self, prompts: tuple[str, ...]) -> None:
        self._tuning.data.set_settings(replace(self._tuning.data.settings, prompts=prompts))

    @Slot(object)
    def _settings_chosen(self, settings: FinetuneSettings) -> None:
        own = self._tuning.data.settings
        self._tuning.data.change_settings(replace(settings, held_out=own.held_out, prompts=own.prompts))
        self.explain()

    @Slot()
    def _show_groups(self) -> None:
        self.method.set_target_groups(self._tuning.data.groups)

    @Slot()
    def _show_settings(self) -> None:
        settings = self._tuning.data.settings
        if settings != self.method.settings():
            self.method.set_settings(settings)
        self.data.set_held_out(settings.held_out)
        summary = self._session.summary
        kind, mask = ("decoder", "") if summary is None else (summary.kind, summary.mask_token)
        self.samples.set_prompts(settings.prompts, kind == "decoder", mask if kind == "encoder" else "")

    @Slot()
    def _show_defaults(self) -> None:
        self.method.set_start(self._tuning.data.defaults, self._tuning.data.reasons)

    @Slot()
    def _show_costs(self) -> None:
        self.method.show_costs(self._tuning.data.costs)
        self.explain()

    @Slot()
    def _model_changed(self) -> None:
        """What was written and compared was another model's; so is a run, but with its own base or result."""
        self.before_after.clear()
        self.changes.clear()
        self.changes.set_prompt("")
        runs, summary = self._tuning.runs, self._session.summary
        if summary is not None and summary.kind != self._kind:
            self._kind = summary.kind
            self.before_after.set_prompt("")
        if (
            summary is not None
            and self._shown is not None
            and not self._tuning.running
            and not runs.of_open_model(self._shown)
        ):
            self._shown = None
            self.training.clear()
            self.samples.clear()
        self._show_samples_offered()
        self._show_data()
        self._show_settings()
        self._show_state()

    # The run

    @Slot()
    def run(self) -> None:
        if not self._tuning.running:
            self.banner.clear(including_errors=True)
            self._tuning.start()

    @Slot()
    def open_base(self) -> None:
        """Open what the adapter of model A stands on, where and how model A was opened."""
        base, request = self._tuning.data.base, self._session.models.request()
        if base and request is not None:
            self._session.open_model(base, request.device, request.precision)

    @Slot()
    def _show_state(self) -> None:
        tuning = self._tuning
        adapted = bool(tuning.data.base) and not tuning.running
        ready = tuning.data.preview is not None and not tuning.running and not adapted
        words = (
            "A run is in progress. Changes apply to the next one."
            if tuning.running
            else "This model carries an adapter: a new run needs its base."
            if adapted
            else ""
            if ready
            else "Choose examples first."
        )
        self.method.set_state(tuning.running, words)
        self.method.start.setEnabled(ready)
        self.method.set_base(tuning.data.base if adapted else "")
        self.training.set_state(tuning.running, tuning.paused)
        why = (
            "The model is being trained: both write when the run has ended."
            if tuning.running
            else ""
            if self._view.possible
            else "Needs a finetuned model: one with an adapter, or its base open as B."
        )
        self.before_after.set_ready(self._view.possible and not tuning.running, why)

    @Slot(object)
    def _began(self, before: tuple[Report, ...]) -> None:
        tuning = self._tuning
        self._fresh = False
        self.show_view(RUN)
        self._shown = tuning.runs.folder
        name = self._shown.name if self._shown is not None else ""
        if before:
            self.training.show_run(before, name)
        else:
            self.training.begin(tuning.data.costs.steps if tuning.data.costs is not None else 0, name)
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
    def _ended(self, end: RunEnd | BaseException | None) -> None:
        # A note that something waits for the end; an error stays.
        self.banner.clear()
        if isinstance(end, RunEnd):
            self.training.end(end)
        else:
            kept = [each.step for each in self.training.log.checkpoints]
            self.training.end(None, unended_text(end, self.training.log.last_step, kept))
        self._show_state()
        self._fresh = isinstance(end, RunEnd)
        self._look_at_result()

    @Slot()
    def _discard(self) -> None:
        """Nothing learnt is thrown away without a yes."""
        words = "Throw away what this run has learnt? Its checkpoints stay in its folder."
        if QMessageBox.question(self, "Stop and discard", words) == QMessageBox.StandardButton.Yes:
            self._tuning.discard()

    @Slot()
    def _resume_last(self) -> None:
        if self._tuning.runs.folder is not None:
            self._tuning.resume(self._tuning.runs.folder)

    # Runs

    @Slot()
    def _show_runs(self) -> None:
        self.runs.show_runs(self._tuning.runs.entries)
        self.method.set_place(str(self._tuning.runs.root or ""))
        self._show_state()
        self._look_at_result()

    @Slot()
    def choose_place(self) -> None:
        """Ask for the folder in which every run gets one of its own."""
        if chosen := QFileDialog.getExistingDirectory(self, "Where runs are kept", str(self._tuning.runs.root or "")):
            self._tuning.runs.keep_in(Path(chosen))

    @Slot()
    def _show_last(self) -> None:
        """The run of the start before stands there again; one that was broken off can be gone on with."""
        if self._tuning.runs.last is not None:
            entry, reports = self._tuning.runs.last
            self._shown = Path(entry.folder)
            self.training.show_run(reports, f"{entry.name} · {state_text(entry)}", resumable(entry))
            self._show_samples(reports)

    @Slot(object)
    def _run_read(self, found: tuple[Path, FinetuneSettings, TextSource, Shape, tuple[Report, ...]]) -> None:
        self._shown, settings, source, shape, reports = found
        self._tuning.data.set_settings(settings)
        self._tuning.data.choose(source, shape)
        self.training.show_run(reports, f"{self._shown.name}, an earlier run")
        self._show_samples(reports)
        self.show_view(RUN)

    @Slot(str)
    def _done(self, words: str) -> None:
        """What went wrong before is not waiting any more for an answer: this is one."""
        self.banner.clear(including_errors=True)
        self.banner.show_message("info", words)

    # What the window asks

    def show_error(self, error: UserError) -> None:
        self.before_after.show_idle()
        self.changes.show_idle()
        super().show_error(error)

    @Slot(int)
    def _change_viewed(self, _view: int) -> None:
        self.explain()

    def stop(self) -> None:
        if self._tuning.running:
            self._tuning.stop()

    def take_focus(self) -> None:
        self.method.start.setFocus()

    def explain(self) -> None:
        view = self.views.index()
        if view == CHANGES:
            self.explained.emit(explanations.BY_VIEW[self.changes.views.index()])
        elif view == RUNS:
            self.explained.emit(explanations.RUNS)
        else:
            settings = self._tuning.data.settings
            costs = self._tuning.data.costs if settings.method == LORA or self._tuning.data.costs is not None else None
            self.explained.emit(explanations.explain_method(settings, self._session.summary, costs))
