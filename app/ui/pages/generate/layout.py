"""How the Generate page is laid out: which panels there are, and how they share the room."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QStackedWidget, QWidget

from app.engine.decode.settings import DecodingSettings
from app.session.session import Session
from app.ui.page import Page, split
from app.ui.pages.generate.beam_panel import BeamPanel
from app.ui.pages.generate.branches_panel import BranchesPanel
from app.ui.pages.generate.choice_panel import ChoicePanel
from app.ui.pages.generate.head_chooser import HeadChooser
from app.ui.pages.generate.output_panel import OutputPanel
from app.ui.pages.generate.settings_panel import SettingsPanel
from app.ui.theme import Theme
from app.ui.widgets.prompt_line import PromptLine


class GenerateLayout(Page):
    """The panels, without what they show and do: that is the page's."""

    def __init__(self, theme: Theme, session: Session, start: DecodingSettings) -> None:
        super().__init__(theme, session)
        generation = session.generation
        self.prompt = PromptLine(theme, plain=True)
        self.body.addWidget(self.prompt)
        self.settings = SettingsPanel(theme, generation.settings, start)
        self.settings.setMinimumWidth(262)
        self.output = OutputPanel(theme, generation)
        self.text, self.empty, self.scrubber = self.output.text, self.output.empty, self.output.scrubber
        self.start, self.pause, self.stop_button = self.output.start, self.output.pause, self.output.stop
        self.copy = self.output.copy
        self.heads = HeadChooser(theme)
        self.heads.hide()
        self.output.body_layout.addWidget(self.heads)
        self.branches = BranchesPanel(theme, generation)
        self.choice = ChoicePanel(theme)
        self.bars, self.left, self.funnel = self.choice.bars, self.choice.left, self.choice.funnel
        self.beams = BeamPanel(theme, generation)
        self.body.addWidget(self._laid_out(), 1)

    def _laid_out(self) -> QWidget:
        above = split("generate above", Qt.Orientation.Horizontal, (self.output, 560), (self.branches, 250))
        above.setStretchFactor(1, 0)
        self.branches.setMinimumWidth(268)
        writing = split("generate writing", Qt.Orientation.Vertical, (above, 350), (self.choice, 366))
        self.right = QStackedWidget()
        self.right.addWidget(writing)
        self.right.addWidget(self.beams)
        whole = split("generate whole", Qt.Orientation.Horizontal, (self.settings, 262), (self.right, 800))
        whole.setStretchFactor(0, 0)
        return whole
