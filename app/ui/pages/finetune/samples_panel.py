"""Samples while training: what the model writes for the same prompts, ever so many steps."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QLineEdit, QMenu, QPushButton, QStackedWidget

from app.engine.finetune.records import SampleReport
from app.ui.actions import bound
from app.ui.pages.finetune.before_after import changed_stretches, with_prompt
from app.ui.pages.finetune.samples_list import SampleRow, SamplesList
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.panel import Panel

_LOWEST = 150
_FIELD = 190
"""Pixels of the prompt's field."""
_EMPTY = "No samples for this prompt yet. A run writes one before its first step, then every so often."


_GAP = "No samples for this prompt yet. A masked model fills gaps: write {mask} where a word is wanted."


class SamplesPanel(Panel):
    """Rows of one prompt; a button beside the field chooses among several."""

    prompts_changed = Signal(tuple)
    """All prompts (str), after one was edited, added or removed."""
    step_chosen = Signal(int)
    """A row was double-clicked."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Samples while training", "same prompt, same seed")
        self._prompts = [""]
        self._chosen = 0
        self._continued = True
        self._samples: dict[str, dict[int, str]] = {}
        self._rows: dict[str, list[SampleRow]] = {}
        self.chooser = QPushButton()
        self.chooser.setToolTip("Choose, add and remove prompts")
        self.prompts_menu = QMenu(self)
        self.chooser.setMenu(self.prompts_menu)
        self.prompt = QLineEdit()
        self.prompt.setFixedWidth(_FIELD)
        self.prompt.setPlaceholderText("Prompt")
        self.prompt.setAccessibleName("Prompt of the samples")
        self.add_header_widget(self.chooser)
        self.add_header_widget(self.prompt)
        self.list = SamplesList(theme)
        self._empty = make_label(theme, _EMPTY, 13, role="caption")
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setContentsMargins(24, 8, 24, 8)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.list)
        self.body_layout.setContentsMargins(0, 0, 0, 1)
        self.body_layout.addWidget(self._stack, 1)
        self.setMinimumHeight(_LOWEST)
        self.prompt.editingFinished.connect(self._edited)
        self.prompts_menu.aboutToShow.connect(self._fill_menu)
        self.list.step_chosen.connect(self.step_chosen)
        theme.changed.connect(self._restyle)
        self._restyle()
        self._show()

    def set_prompts(self, prompts: Sequence[str], continued: bool = True, mask: str = "") -> None:
        """The prompts of the run; the chosen one stays chosen where it is among them. Emits nothing.

        `continued` is whether texts go on from their prompt, which then stands before them; `mask` is how a gap is
        written for a model that fills gaps and writes nothing else.
        """
        self._empty.setText(_GAP.format(mask=mask) if mask else _EMPTY)
        self.prompt.setPlaceholderText(f"Prompt with {mask}" if mask else "Prompt")
        before = self._prompts[self._chosen]
        self._prompts = list(dict.fromkeys(prompts)) or [""]
        self._chosen = self._prompts.index(before) if before in self._prompts else 0
        if continued != self._continued:
            self._continued = continued
            self._rows.clear()
        self._show()

    def prompts(self) -> tuple[str, ...]:
        """All prompts, without one that is still empty."""
        return tuple(each for each in self._prompts if each)

    def add(self, report: SampleReport) -> None:
        """Show what was written; a step that comes again takes away what stood from there on."""
        samples = self._samples.setdefault(report.prompt, {})
        for step in [step for step in samples if step >= report.step]:
            del samples[step]
        samples[report.step] = report.text
        if self._prompts == [""]:
            self._prompts = [report.prompt]
            self._show()
        elif report.prompt not in self._prompts:
            self._prompts.append(report.prompt)
        self._add_row(report)
        self._show_rows()

    def clear(self) -> None:
        """Forget the samples, not the prompts."""
        self._samples.clear()
        self._rows.clear()
        self._show()

    def choose_prompt(self, place: int) -> None:
        """Show the samples of another prompt."""
        shown = self._prompts[place]
        # One that was added and never written is not kept.
        self._prompts = [each for each in self._prompts if each or each == shown]
        self._chosen = self._prompts.index(shown)
        self._show()

    def add_prompt(self) -> None:
        """A further prompt, to be written into the field."""
        self._prompts = [*self.prompts(), ""]
        self._chosen = len(self._prompts) - 1
        self._show()
        self.prompt.setFocus()

    def remove_prompt(self) -> None:
        """Take the chosen prompt away."""
        before = self.prompts()
        del self._prompts[self._chosen]
        self._prompts = self._prompts or [""]
        self._chosen = min(self._chosen, len(self._prompts) - 1)
        self._show()
        if self.prompts() != before:
            self.prompts_changed.emit(self.prompts())

    def _add_row(self, report: SampleReport) -> None:
        rows = [row for row in self._shown_rows(report.prompt) if row.step < report.step]
        self._rows[report.prompt] = [*rows, self._row(report.prompt, report.step, report.text, rows)]

    def _shown_rows(self, prompt: str) -> list[SampleRow]:
        """The rows of a prompt, compared one by one when first asked for."""
        if prompt not in self._rows:
            rows: list[SampleRow] = []
            for step, text in self._samples.get(prompt, {}).items():
                rows.append(self._row(prompt, step, text, rows))
            self._rows[prompt] = rows
        return self._rows[prompt]

    def _row(self, prompt: str, step: int, text: str, before: Sequence[SampleRow]) -> SampleRow:
        whole = with_prompt(prompt, text)[0] if self._continued else text
        return SampleRow(step, whole, tuple(changed_stretches(before[-1].text, whole)) if before else ())

    def _show(self) -> None:
        prompt = self._prompts[self._chosen]
        self.prompt.setText(prompt)
        self.prompt.setCursorPosition(0)
        self.prompt.setToolTip(prompt)
        self._show_rows()

    def _show_rows(self) -> None:
        """A prompt that is being edited meanwhile stays as it is."""
        rows = self._shown_rows(self._prompts[self._chosen])
        self.list.show_rows(rows)
        self._stack.setCurrentWidget(self.list if rows else self._empty)
        self.chooser.setText(f"{self._chosen + 1} of {len(self._prompts)}")
        self.chooser.setAccessibleName(f"Prompt {self.chooser.text()}")

    @Slot()
    def _edited(self) -> None:
        words = self.prompt.text()
        if words == self._prompts[self._chosen]:
            return
        if not words.strip() or words in self._prompts:
            # Nothing to write for, or there twice: what stood there stands.
            self.prompt.setText(self._prompts[self._chosen])
            return
        self._prompts[self._chosen] = words
        self._show()
        self.prompts_changed.emit(self.prompts())

    @Slot()
    def _fill_menu(self) -> None:
        menu = self.prompts_menu
        menu.clear()
        for place, words in enumerate(self._prompts):
            action = menu.addAction((words if len(words) <= 60 else f"{words[:59]}…").replace("&", "&&") or "(empty)")
            action.setCheckable(True)
            action.setChecked(place == self._chosen)
            action.triggered.connect(bound(self.choose_prompt, place))
        menu.addSeparator()
        menu.addAction("Add a prompt").triggered.connect(bound(self.add_prompt))
        remove = menu.addAction("Remove this prompt")
        remove.setEnabled(bool(self.prompts()))
        remove.triggered.connect(bound(self.remove_prompt))

    @Slot()
    def _restyle(self) -> None:
        self.chooser.setFont(self._theme.font(12.5))
        self.prompt.setFont(self._theme.font(12.5))
