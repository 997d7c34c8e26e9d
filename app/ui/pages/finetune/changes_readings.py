"""What a run changed, and what both sides write: asked of the session, shown on the panels."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFileDialog

from app.engine.texts.records import FILE, TextSource
from app.session.comparing import Compared, Measured, Written
from app.session.session import Session
from app.session.text_shelf import samples
from app.ui.actions import bound
from app.ui.pages.finetune.before_after import BeforeAfter
from app.ui.pages.finetune.changes_panel import FORGETTING
from app.ui.pages.finetune.layout import FinetuneLayout
from app.ui.theme import Theme

RUN, CHANGES, RUNS = range(3)
FILES = "Examples (*.jsonl *.json *.csv *.tsv *.parquet *.txt);;Every file (*)"


class ChangesReadings(FinetuneLayout):
    """The page as far as it shows what both sides of a comparison write, what differs and what is forgotten."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, session)
        self._tuning, self._view = session.finetuning, session.finetune_view
        self._fresh = False
        """A run has ended, and what came of it was not looked at yet."""
        self._view.written.connect(self._written)
        self._view.compared.connect(self._compared)
        self._view.measured.connect(self._measured)
        self._view.sides_changed.connect(self._show_sides)
        self._view.forgotten.connect(self._forgotten)
        self.training.step_chosen.connect(self._step_chosen)
        self.samples.step_chosen.connect(self._step_chosen)
        self.before_after.write_wanted.connect(self._write_wanted)
        self.changes.prompt_asked.connect(self._compare)
        self.changes.sides_chosen.connect(self._sides_chosen)
        self.changes.step_chosen.connect(self._side_at)
        self.changes.views.changed.connect(self._change_viewed)
        self.changes.forgetting.old_menu.aboutToShow.connect(self._fill_old)
        self.changes.head_chosen.connect(self._head_chosen)

    def _look_at_result(self) -> None:
        """Once after a run: what both write, and what was learnt and forgotten. A full finetune has its "before" only
        when the run is among those that are listed."""
        pair = self._view.before_after
        if not self._fresh or pair is None:
            return
        self._fresh = False
        prompt, prompts = self.before_after.own_prompt(), self._tuning.data.settings.prompts
        if not prompt:
            prompt = prompts[0] if prompts else self._session.prompt
            self.before_after.set_prompt(prompt)
        if prompt and self._answers_to(prompt):
            self._write_wanted(prompt)
        self._view.measure(pair)

    def _answers_to(self, prompt: str) -> bool:
        """Whether there is something to write: a masked model fills gaps, and needs one."""
        summary = self._session.summary
        return summary is not None and (summary.kind != "encoder" or summary.mask_token in prompt)

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

    def view_shown(self, index: int) -> None:
        """Compare at once when there is something to compare and nothing is shown yet."""
        if index == CHANGES and self._view.found is None:
            if self._tuning.running:
                self.changes.clear("The model is being trained: what the run changes stands here when it has ended.")
            elif self._view.possible:
                self._compare(self._text_to_compare())
            else:
                self.changes.clear("Finetune a model, or open an adapter: what it changed stands here.")
        self.explain()

    @Slot(str)
    def _write_wanted(self, prompt: str) -> None:
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
        prompts = self._tuning.data.settings.prompts
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
        return next((run.checkpoints for run in self._tuning.runs.entries if run.folder == folder), ())

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
