"""The texts that were written: the branches, which of them is current, and how any of its tokens was chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app.engine.decode.records import BeamTree
from app.engine.decode.settings import BEAMS, DecodingSettings
from app.engine.trace.records import Token
from app.jobs.board import Board
from app.jobs.job import Job
from app.session import choices
from app.session.bans import understood
from app.session.branches import MOST, Branch, Removed, set_aside, without
from app.session.generated import DistributionReading, GeneratedToken, RunCost

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel

LANE = "model"


class Texts(QObject):
    """What stands. One text is current; its parts are read from here. What writes them is `Generation`."""

    started = Signal()
    """Another text is current, or it is empty now."""
    prompt_known = Signal()
    grew = Signal(int)
    """So many tokens were added at the end of the current text."""
    branches_changed = Signal()
    """Texts came or went, ended, or another is current."""
    texts_removed = Signal()
    """The person took texts out of the list; `take_back` brings them back."""
    state_changed = Signal()
    settings_changed = Signal()
    presets_changed = Signal()
    distribution_read = Signal(object)
    failed = Signal(object)
    told = Signal(str)
    """A few words about what was done otherwise than the settings say."""

    def __init__(self, board: Board, settings: DecodingSettings) -> None:
        super().__init__()
        self._board = board
        self._settings = settings
        self.presets: dict[str, DecodingSettings] = {}
        """Settings that the person gave a name."""
        self.branches: list[Branch] = []
        self.removed: Removed | None = None
        """What was taken out of the list last."""
        self.current = Branch("")
        self.tree: BeamTree | None = None
        """The last beam search, None when the last run was none."""
        self.cost: RunCost | None = None
        self._targets: list[Branch] = []
        """The texts of the run under way."""
        self._job: Job | None = None
        self._loaded: LoadedModel | None = None
        """The model of the current text."""
        self._bans_by: Any = None
        """The tokenizer, model A's, whose ids are banned and forced; None before a model was open."""

    @property
    def prompt(self) -> tuple[Token, ...]:
        """The prompt's tokens of the current text."""
        return self.current.prompt

    @property
    def prompt_text(self) -> str:
        """What the current text continues."""
        return self.current.prompt_text

    @property
    def steps(self) -> list[GeneratedToken]:
        """The new tokens of the current text."""
        return self.current.steps

    @property
    def ended_by(self) -> str:
        """Why the current text ended, '' before and while it is written."""
        return self.current.ended_by

    @property
    def text(self) -> str:
        """The current prompt and everything written after it."""
        return self.current.text

    # Settings

    @property
    def settings(self) -> DecodingSettings:
        """What acts on the next token."""
        return self._settings

    def set_settings(self, settings: DecodingSettings) -> None:
        """Replace the settings; a run under way reads them before its next token."""
        if settings != self._settings:
            self._settings = settings
            self.settings_changed.emit()

    def settings_for(self, loaded: LoadedModel | None) -> DecodingSettings:
        """The settings as a model understands them: without bans that are of model A's tokens alone."""
        return understood(self._settings, self._bans_by, None if loaded is None else loaded.tokenizer)

    def ban_names(self) -> dict[int, str]:
        """What the banned and the forced tokens are to model A, by id; {} before a model was open."""
        ids = {*self._settings.banned, *self._settings.forced} if self._bans_by is not None else ()
        return {token: str(self._bans_by.decode([token])) for token in ids if token < len(self._bans_by)}

    def keep_preset(self, name: str, settings: DecodingSettings | None) -> None:
        """Give settings a name of the person's own; None forgets the name."""
        if settings is None:
            self.presets.pop(name, None)
        else:
            self.presets[name] = settings
        self.presets_changed.emit()

    def written_alike(self, index: int) -> bool:
        """Whether step `index` was chosen under the settings as they are now."""
        if index >= len(self.steps):
            return False
        told = replace(self.steps[index].settings, forced=(), max_new_tokens=1, seed=None)
        return told == replace(self.settings_for(self._loaded), forced=(), max_new_tokens=1, seed=None)

    # Branches

    def choose(self, place: int) -> None:
        """Make another text the current one."""
        if 0 <= place < len(self.branches) and self.branches[place] is not self.current:
            self._turn_to(self.branches[place])

    def remove(self, place: int, by_person: bool = True) -> None:
        """Take a text out of the list; never the only one, nor one that is being written. What the person removed can
        be taken back."""
        if len(self.branches) < 2 or self.branches[place] in self._targets:
            return
        gone = self.branches[place]
        self.removed = set_aside(self.branches, [gone]) if by_person else self.removed
        self.branches = without(self.branches, gone)
        if gone is self.current:
            self._turn_to(self.branches[min(place, len(self.branches) - 1)])
        self.branches_changed.emit()
        if by_person:
            self.texts_removed.emit()

    def take_back(self) -> None:
        """Bring back the texts that were removed last."""
        if self.removed is None:
            return
        gone, self.branches = self.removed.gone, self.removed.back_in(self.branches)[-MOST:]
        self.removed = None
        if self._job is None:
            self._turn_to(gone[-1])
        self.branches_changed.emit()

    def _turn_to(self, branch: Branch) -> None:
        self.current, self._loaded = branch, branch.loaded
        self._tell_current()

    def _tell_current(self) -> None:
        self.started.emit()
        if self.current.prompt:
            self.prompt_known.emit()
        if self.current.steps:
            self.grew.emit(len(self.current.steps))
        self.branches_changed.emit()
        self.state_changed.emit()

    def _seed_beside(self, loaded: LoadedModel, text: str) -> int | None:
        """The seed of a text that shall stand beside the current one, where the settings leave it open: the current
        one's, so that what differs is what was changed; None, a new one, where that would write a text once more."""
        settings = self._settings
        if settings.seed is not None or not settings.draws or not self.steps or self.steps[0].draw is None:
            return None
        seed = self.steps[0].seed
        again = replace(settings, seed=seed)
        others = [each for each in self.branches if each.loaded is loaded and each.prompt_text == text]
        return None if any(each.written_by() == again for each in others) else seed

    # Choices

    def read_distribution(self, index: int) -> None:
        """Ask how step `index` was chosen, under the settings as they are now; `distribution_read` answers."""
        if self._loaded is None or not 0 <= index < len(self.steps):
            return
        loaded, step, branch = self._loaded, self.steps[index], self.current
        text, given, own = branch.prompt_text, branch.ids[:index], self.settings_for(loaded)
        found, apart = branch.searched if branch.found_by else None, None
        if found is not None:
            apart = replace(own, forced=()) if own.method not in BEAMS else None
        # A token that a fork forced was forced by the fork, not by the settings that are looked at now.
        settings = found or replace(own, forced=step.settings.forced)
        supposed = found is None and not self.written_alike(index)
        look = choices.Look(index, step, settings, supposed, apart, text, given)
        job = self._board.start(
            LANE, "Distribution", lambda: choices.distribution(loaded, look), key="distribution", quiet=True
        )
        job.finished.connect(lambda reading: self._distribution_came(branch, reading))
        job.failed.connect(self.failed)

    def _distribution_came(self, branch: Branch, reading: DistributionReading) -> None:
        if branch is self.current and reading.index < len(branch.steps):
            branch.steps[reading.index] = reading.step
            self.distribution_read.emit(reading)
