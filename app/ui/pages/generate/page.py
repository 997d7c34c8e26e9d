"""The Generate page: settings at the left, the text as it is written, and how a token was chosen."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton, QScrollArea, QStackedWidget, QToolButton

from app.engine.decode.settings import DecodingSettings
from app.engine.errors import UserError
from app.session.generated import DistributionReading, GeneratedToken
from app.session.session import Session
from app.ui.icons import icon
from app.ui.page import Page, split
from app.ui.pages.generate import explanations
from app.ui.pages.generate.settings_panel import SettingsPanel
from app.ui.theme import Theme
from app.ui.widgets.empty_state import EmptyState
from app.ui.widgets.labels import make_label
from app.ui.widgets.panel import Panel
from app.ui.widgets.probability_bars import ProbabilityBars
from app.ui.widgets.prompt_line import PromptLine
from app.ui.widgets.token_strip import GENERATE, TokenStrip

EXAMPLES = (
    "Once upon a time, there was a",
    "Lily found a shiny key under the old tree. She",
    "The little fox was hungry, so he went to the",
)
REDRAW_MS = 66
"""New tokens are drawn at most 15 times a second, all that came since at once."""
LOOK_EVERY = 6
"""So many redraws of the text to one of the newest token's choice while it is being written."""
ENDINGS = {
    "end of text": "the model ended the text",
    "stop string": "a stop sequence came",
    "length": "max new tokens reached",
    "context full": "the context is full",
    "stopped": "stopped",
    "": "",
}


class GeneratePage(Page):
    """Text streams into chips; a clicked chip shows its choice, otherwise the newest one's is shown."""

    def __init__(self, theme: Theme, session: Session, start: DecodingSettings) -> None:
        super().__init__(theme, session)
        self._pinned: int | None = None
        self.prompt = PromptLine(theme)
        self.prompt.submitted.connect(self._prompt_submitted)
        self.body.addWidget(self.prompt)
        self.settings = SettingsPanel(theme, session.generation.settings, start)
        self.settings.changed.connect(session.generation.set_settings)
        self.settings.refused.connect(self.show_error)
        self.settings.setMinimumWidth(230)
        right = split("generate right", Qt.Orientation.Vertical, (self._output(theme), 330), (self._choice(theme), 370))
        whole = split("generate whole", Qt.Orientation.Horizontal, (self.settings, 250), (right, 800))
        whole.setStretchFactor(0, 0)
        self.body.addWidget(whole, 1)
        self._tick = QTimer(self)
        self._tick.setSingleShot(True)
        self._tick.setInterval(REDRAW_MS)
        self._tick.timeout.connect(self._draw_new)
        self._redraws = 0
        self._shown: DistributionReading | None = None
        generation = session.generation
        session.prompt_changed.connect(self._prompt_changed)
        session.inspection.tokens_changed.connect(self._tokens_changed)
        session.model_changed.connect(self._state_changed)
        generation.started.connect(self._started)
        generation.prompt_known.connect(self._prompt_known)
        generation.grew.connect(self._grew)
        generation.state_changed.connect(self._state_changed)
        generation.settings_changed.connect(self._settings_changed)
        generation.distribution_read.connect(self._distribution_read)
        theme.changed.connect(self._tint_icons)
        self._tint_icons()

    def _output(self, theme: Theme) -> Panel:
        self.output = Panel(theme, "Output")
        self.start = QPushButton("Generate")
        self.start.setProperty("kind", "primary")
        self.start.setToolTip("Continue the prompt (Ctrl+Enter)")
        self.start.clicked.connect(self.run)
        # As wide as its longest words, so that nothing moves under the pointer when a run ends.
        self.start.setText("Generate again")
        self.start.setMinimumWidth(self.start.sizeHint().width())
        self.pause = QToolButton()
        self.pause.clicked.connect(self._pause_pressed)
        self.stop_button = QToolButton()
        self.stop_button.setToolTip("Stop (Esc)")
        self.stop_button.setAccessibleName("Stop")
        self.stop_button.clicked.connect(self._session.generation.stop)
        self.copy = QToolButton()
        self.copy.setToolTip("Copy the whole text")
        self.copy.setAccessibleName("Copy the whole text")
        self.copy.clicked.connect(self._copy)
        for widget in (self.copy, self.pause, self.stop_button, self.start):
            self.output.add_header_widget(widget)
        self.text = TokenStrip(theme, GENERATE)
        self.text.setAccessibleName("Generated text")
        self.text.clicked.connect(self._token_clicked)
        self.text.setProperty("role", "page")
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self.text)
        self.empty = EmptyState(
            theme, "Nothing written yet", "Type a prompt above, or continue one of these:", EXAMPLES
        )
        self.empty.chosen.connect(self._prompt_submitted)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._scroll)
        self.output.body_layout.addWidget(self._stack)
        return self.output

    def _choice(self, theme: Theme) -> Panel:
        self.choice = Panel(theme, "How a token was chosen")
        self.left = make_label(theme, "", 11.5, role="accent", mono=True)
        self.choice.add_header_widget(self.left)
        self.bars = ProbabilityBars(theme)
        self.bars.set_columns("model", "with settings")
        self.bars.setToolTip("Bar: the model's own probability. Tick: with the settings. Marked: the token drawn.")
        self.choice.body_layout.addWidget(self.bars)
        return self.choice

    @Slot()
    def _tint_icons(self) -> None:
        self.stop_button.setIcon(icon(self._theme, "stop"))
        self.copy.setIcon(icon(self._theme, "copy"))
        self._state_changed()

    # What the session says

    @Slot()
    def _prompt_changed(self) -> None:
        self.prompt.set_text(self._session.prompt)
        self._say_counts()

    @Slot()
    def _tokens_changed(self) -> None:
        self.prompt.set_tokens(self._session.inspection.tokens)
        self.prompt.strip.set_dim_after(False)

    @Slot()
    def _started(self) -> None:
        self._pinned = None
        self._shown = None
        self.text.set_tokens([])
        self.bars.set_rows([])
        self.left.setText("")
        self.choice.set_subtitle("")
        self.banner.clear(including_errors=True)
        self.explain()
        running = self._session.generation.running
        self._stack.setCurrentIndex(1 if running else 0)
        self.text.set_streaming(running)

    @Slot()
    def _prompt_known(self) -> None:
        prompt = self._session.generation.prompt
        self.text.set_tokens((token.shown, token.id, None, True) for token in prompt)
        self.text.set_streaming(True)
        QTimer.singleShot(0, self._follow)

    @Slot(int)
    def _grew(self, _count: int) -> None:
        if not self._tick.isActive():
            self._tick.start()

    @Slot()
    def _draw_new(self) -> None:
        """Append the tokens that came since the last time."""
        generation = self._session.generation
        drawn = self.text.count() - len(generation.prompt)
        if drawn >= len(generation.steps):
            return
        bar = self._scroll.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 40
        for step in generation.steps[drawn:]:
            self.text.append(step.text or _wordless(step), step.token_id, step.probability)
        if at_end:
            QTimer.singleShot(0, self._follow)
        self._say_counts()
        self._redraws += 1
        if self._pinned is None and self._redraws % LOOK_EVERY == 0:
            self._ask_distribution()

    @Slot()
    def _follow(self) -> None:
        bar = self._scroll.verticalScrollBar()
        bar.setValue(bar.maximum())

    @Slot()
    def _state_changed(self) -> None:
        generation = self._session.generation
        ready = self._session.summary is not None
        self.start.setEnabled(ready)
        self.start.setText("Restart" if generation.running else "Generate again" if generation.steps else "Generate")
        self.pause.setEnabled(generation.running)
        self.stop_button.setEnabled(generation.running)
        self.copy.setEnabled(bool(generation.steps))
        self.pause.setIcon(icon(self._theme, "play" if generation.paused else "pause"))
        words = "Go on" if generation.paused else "Pause before the next token"
        self.pause.setToolTip(words)
        self.pause.setAccessibleName(words)
        self.text.set_streaming(generation.running)
        self._draw_new()
        self._say_counts()
        if not generation.running and generation.steps:
            self._ask_distribution()

    def _say_counts(self) -> None:
        generation = self._session.generation
        if not generation.steps:
            self.output.set_subtitle("")
            return
        words = f"{len(generation.steps)} of {generation.settings.max_new_tokens} tokens"
        ending = "paused" if generation.paused else ENDINGS[generation.ended_by]
        seed = generation.steps[0].seed
        old = "of the prompt before" if generation.prompt_text != self._session.prompt else ""
        self.output.set_subtitle(" · ".join(part for part in (words, ending, old, f"seed {seed}") if part))

    @Slot()
    def _settings_changed(self) -> None:
        self.settings.show_settings(self._session.generation.settings)
        self._say_counts()
        self._ask_distribution()

    @Slot()
    def _ask_distribution(self) -> None:
        generation = self._session.generation
        if generation.steps:
            newest = len(generation.steps) - 1
            generation.read_distribution(newest if self._pinned is None else self._pinned)

    @Slot(object)
    def _distribution_read(self, reading: DistributionReading) -> None:
        if self._pinned is not None and reading.index != self._pinned:
            return
        self._shown = reading
        found = reading.distribution
        chosen = next((place for place, row in enumerate(found.rows) if row.token_id == found.chosen), None)
        self.bars.set_rows([(row.text, row.before, row.after) for row in found.rows], chosen)
        self.left.setText(f"{found.left:,} of {found.vocabulary:,} left")
        pinned = "" if self._pinned is None else ", pinned"
        drawn = "" if found.draw is None else f" · random draw {found.draw:.3f}"
        place = reading.index + len(self._session.generation.prompt)
        self.choice.set_subtitle(f"token #{place}{pinned}{drawn}")
        if self._pinned is not None or not self._session.generation.running:
            # Words that change with every token cannot be read, and laying them out costs more than the token.
            self.explain()

    # What the person does

    @Slot(str)
    def _prompt_submitted(self, text: str) -> None:
        self._session.set_prompt(text)
        self._session.generate()

    @Slot()
    def _pause_pressed(self) -> None:
        self._session.generation.pause(not self._session.generation.paused)

    @Slot(int)
    def _token_clicked(self, index: int) -> None:
        step = index - len(self._session.generation.prompt)
        self._pin(step if step >= 0 else None)

    def _pin(self, step: int | None) -> None:
        self._pinned = None if step is None or step == self._pinned else step
        place = None if self._pinned is None else self._pinned + len(self._session.generation.prompt)
        self.text.set_selected(place)
        self._ask_distribution()

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._session.generation.text)

    # What the window asks

    @Slot()
    def run(self) -> None:
        if self.prompt.editing and self.prompt.editor.toPlainText():
            self.prompt.submit()
        elif not self._session.prompt:
            self.show_error(UserError("There is no prompt to continue.", "Type one above, or press an example."))
        else:
            self._session.generate()

    def stop(self) -> None:
        if self.prompt.editing and self._session.prompt:
            self.prompt.set_text(self._session.prompt)
        elif self._session.generation.running:
            self._session.generation.stop()
        elif self._pinned is not None:
            self._pin(None)

    def take_focus(self) -> None:
        if self.prompt.editing:
            self.prompt.editor.setFocus()
        else:
            self.start.setFocus()

    def explain(self) -> None:
        self.explained.emit(self._explanation())

    def _explanation(self) -> Any:
        summary = self._session.summary
        if summary is None or self._shown is None:
            return explanations.INTRODUCTION
        generation = self._session.generation
        return explanations.explain_choice(
            summary,
            self._shown.distribution,
            generation.settings,
            self._shown.index + len(generation.prompt),
            under_others=generation.steps[self._shown.index].settings != generation.settings,
        )


def _wordless(step: GeneratedToken) -> str:
    """What stands for a token without text: the end, or a part of a character that the next ones complete."""
    return "<end>" if step.token_id in step.context.rules.eos else "…"
