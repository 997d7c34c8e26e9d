"""What may be asked of writing: a text, several, a search, a fork, going on, another beginning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from app.engine.decode.records import BeamTree
from app.engine.decode.settings import BEAMS, DecodingSettings
from app.engine.errors import UserError
from app.jobs.board import Board
from app.session import writing
from app.session.branches import Branch, set_aside
from app.session.kept_texts import KeptTexts
from app.session.text_runs import Before, TextRuns
from app.session.texts import LANE

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel


class Generation(TextRuns):
    """Begins runs, whose texts are kept; what they give is taken in by TextRuns."""

    def __init__(self, board: Board, settings: DecodingSettings) -> None:
        super().__init__(board, settings)
        self._searched = Branch("")
        """Prompt, model and settings of the last beam search."""
        self._best: Branch | None = None
        """The text that the best beam of that search was written out to."""

    def start(
        self, loaded: LoadedModel, text: str, beside: bool = False, seed: int | None = None, compared: bool = False
    ) -> None:
        """Write a new continuation of `text`, by the method of the settings; a run under way is stopped.

        What was written before goes, unless it shall stand `beside`; then an open seed is the current text's. A masked
        model fills gaps instead. A `seed` is for this run alone, whatever the settings say. With `compared` the best
        beams of two searches, the one before and this, are written out, so that they can be looked at side by side.
        """
        self._stop_quietly()
        seed = self._seed_beside(loaded, text) if beside and seed is None else seed
        if not beside and self.branches:
            self.removed, self.branches = set_aside(self.branches, self.branches), []
            self.texts_removed.emit()
        self._tell_left_out(loaded)
        own = self.settings_for

        def ask() -> DecodingSettings:
            return own(loaded) if seed is None else replace(own(loaded), seed=seed)

        searches = loaded.kind != "encoder" and self._settings.method in BEAMS
        found = self.tree is not None and self.tree.finished and bool(self.tree.sequences)
        if searches and compared and found and self._best not in self.branches:
            settings = ask()
            self._write_best()
            self._then = lambda: self._search(loaded, text, settings, compared)
            return
        self._looked_at, self.tree = (self.tree, self.current), None
        if searches:
            self._search(loaded, text, ask(), compared)
            return
        self._loaded = loaded
        if loaded.kind == "encoder":
            self._write(Branch(text, filled=True), "Fill", lambda: writing.fill(loaded, text, ask, self._means()))
        elif self._settings.num_sequences > 1 and self._settings.draws:
            self._write_several(loaded, text, ask, self._settings.num_sequences)
        else:
            self._write_on(Branch(text), (), ask)

    def fork(self, index: int, token: int | None = None) -> None:
        """A branch of the current text from step `index` on: with another `token` there, or drawn anew."""
        if not 0 <= index <= len(self.steps) or self.current.filled or self._its_model() is None:
            return
        self._stop_quietly()
        index = min(index, self.current.firm)
        branch = self._beside(index)
        given = branch.ids
        # The same settings with the same random numbers would write the same text again.
        again = token is None and self.written_alike(index)

        loaded = self._loaded

        def ask() -> DecodingSettings:
            # Of the fork's own model: meanwhile a text of another may be looked at.
            settings = self.settings_for(loaded)
            longest = max(settings.max_new_tokens, index + 1)
            if token is None:
                return replace(settings, max_new_tokens=longest, seed=None if again else settings.seed)
            forced = (*given, token, *settings.forced[index + 1 :])
            return replace(settings, max_new_tokens=longest, forced=forced)

        self._write_on(branch, given, ask)

    def go_on(self) -> None:
        """Write the current text on, by as many tokens as the settings allow a new one.

        After a stop string in the middle of a token it goes on before that token: the model reads what is written.
        """
        if self.running or self.current.filled or self._its_model() is None:
            return
        branch = self.current
        if branch.ended_by == "context full":
            # Only sliding helps, which whoever shows the state offers.
            self.state_changed.emit()
            return
        before = Before(tuple(branch.steps), branch.ended_by, branch.firm, fresh=False)
        del branch.steps[branch.firm :]
        given, branch.ended_by = branch.ids, ""
        own, loaded = self.settings_for, self._loaded
        self._write_on(
            branch, given, lambda: replace(own(loaded), max_new_tokens=len(given) + own(loaded).max_new_tokens)
        )
        self._before[branch] = before

    def rewrite(self, text: str) -> None:
        """Go on from what an encoder-decoder wrote, as the person edited it: a branch from the first token that is
        another on, in which the edited tokens are forced, each looked at by the model as any other."""
        current = self.current
        if not current.apart or (loaded := self._its_model()) is None:
            return

        def go_on(ids: tuple[int, ...]) -> None:
            pairs = zip(current.ids[: current.firm], ids, strict=False)
            same = next((place for place, (old, new) in enumerate(pairs) if old != new), min(current.firm, len(ids)))
            longest = len(ids) + self._settings.max_new_tokens
            branch = self._beside(same)
            self._write_on(
                branch, ids[:same], lambda: replace(self.settings_for(loaded), forced=ids, max_new_tokens=longest)
            )

        self._stop_quietly()
        self._prepare("Read the text", lambda: writing.target_ids(loaded, text), go_on)

    def slide(self) -> None:
        """Where the context is full: go on after the last half of the text, which becomes the prompt. The decoder of
        an encoder-decoder has no prompt that could slide."""
        current = self.current
        if (
            self.running
            or not current.steps
            or current.apart
            or current.filled
            or (loaded := self._its_model()) is None
        ):
            return
        text, written = current.prompt_text, current.ids[: current.firm]
        self._prepare(
            "Slide the window",
            lambda: writing.tail(loaded, text, written),
            lambda tail: self._write_on(Branch(tail), (), lambda: self.settings_for(loaded)),
        )

    def read_token(self, loaded: LoadedModel, text: str, then: Callable[[int, str], None]) -> None:
        """Which token of a model a text is, its id and its text; that it is several is told as a failure."""
        job = self._board.start(
            LANE, "Read the token", lambda: writing.one_token(loaded, text), key="one token", quiet=True
        )
        job.finished.connect(lambda found: then(*found))
        job.failed.connect(self.failed)

    def write_out(self, ids: tuple[int, ...]) -> None:
        """Make an ordinary text of one that a beam search found, so that each of its choices can be looked at."""
        tree, of = self.tree, self._searched
        if of.searched is None or tree is None:
            return
        if of.loaded is None:
            self.failed.emit(_closed(of))
            return
        self._stop_quietly()
        self._loaded = of.loaded
        place = next((at for at, text in enumerate(tree.sequences) if text.ids == ids), 0)
        total = tree.sequences[place].total if tree.sequences else 0.0
        branch = Branch(of.prompt_text, of.prompt, found_by=f"row {place + 1} of the beam search, Σ {total:.2f}")
        branch.searched = replace(of.searched, seed=tree.seed)
        if place == 0:
            self._best = branch
        plain = DecodingSettings(method="greedy", forced=ids, max_new_tokens=max(len(ids), 1), stop=of.searched.stop)
        self._write_on(branch, (), lambda: plain)

    def kept(self) -> KeptTexts:
        """What the next start brings back."""
        places = {branch: place for place, branch in enumerate(self.branches)}
        best = places.get(self._best) if self._best is not None else None
        return KeptTexts(tuple(self.branches), places.get(self.current), self._searched, self.tree, best)

    def bring_back(self, kept: KeptTexts) -> None:
        """Texts of an earlier start, and its last search; their models may be opened after."""
        if self.branches or not (kept.branches or kept.tree):
            return
        self.branches, self.tree = list(kept.branches), kept.tree
        self._searched = kept.searched or Branch("")
        self._best = None if kept.best is None else self.branches[kept.best]
        shown = self._searched if kept.tree is not None else Branch("")
        self._turn_to(shown if kept.current is None else self.branches[kept.current])

    def follow_models(self, refs: Mapping[LoadedModel, str], shown: LoadedModel | None) -> None:
        """Other models are open than before; `refs` says what opens each. Texts stay, without their model while it is
        closed. With another model `shown`, one of its texts is current, or none is."""
        self._refs = refs
        if shown is not None:
            self._take_bans_along(shown)
        busy = [branch.loaded for branch in self._targets] or [self._loaded]
        if self._job is not None and any(loaded not in refs for loaded in busy):
            self.stop()
        closed = False
        removed = () if self.removed is None else self.removed.order
        for branch in {*self.branches, *removed, self.current, self._searched}:
            if branch.loaded is not None and branch.loaded not in refs:
                branch.detach()
                closed = True
            again = next((loaded for loaded, ref in refs.items() if branch.is_by(loaded, ref)), None)
            if branch.loaded is None and again is not None:
                branch.attach(again, branch.ref)
        if closed:
            # The cache of keys and values holds on to its model.
            self._kept = []
        if another := self.current.loaded is not self._loaded:
            self._loaded = self.current.loaded
        if shown is not None and self._loaded is None:
            its = [branch for branch in self.branches if branch.loaded is shown]
            self._turn_to(its[-1] if its else Branch(""))
        elif another:
            self._tell_current()
        else:
            self.branches_changed.emit()

    @property
    def search(self) -> Branch:
        """The last beam search: its prompt, its model and, as `searched`, its settings."""
        return self._searched

    @property
    def at_search(self) -> bool:
        """Whether the beam search is looked at, and none of the texts."""
        return self.tree is not None and self.current is self._searched

    def _its_model(self) -> LoadedModel | None:
        """The model of the current text; where that was closed None, which is said."""
        if self._loaded is None and self.current.ref:
            self.failed.emit(_closed(self.current))
        return self._loaded

    def _tell_left_out(self, loaded: LoadedModel) -> None:
        if self.settings_for(loaded) != self._settings:
            name = loaded.summary.name
            self.told.emit(f"Bans and beginnings are of model A's tokens: those {name} does not have are left out.")

    def _take_bans_along(self, shown: LoadedModel) -> None:
        """Another model is A: what was banned or forced stays where it is the same token."""
        kept = self.settings_for(shown)
        self._bans_by = shown.tokenizer
        if kept != self._settings:
            self.set_settings(kept)
            name = shown.summary.name
            self.told.emit(f"Bans and beginnings that were of another model's tokens are taken away: {name} is A now.")

    def _beside(self, index: int) -> Branch:
        branch = self.current.beside()
        del branch.steps[index:]
        branch.fork = index
        return branch

    def _write_on(self, branch: Branch, given: tuple[int, ...], ask: Callable[[], DecodingSettings]) -> None:
        loaded, text, means = self._loaded, branch.prompt_text, self._means()
        assert loaded is not None
        self._write(branch, "Generate", lambda: writing.generate(loaded, text, ask, given, means))

    def _write_several(self, loaded: LoadedModel, text: str, ask: Callable[[], DecodingSettings], count: int) -> None:
        means = self._means()
        made = [Branch(text, batch=(place, count)) for place in range(1, count + 1)]
        job = self._begin("Generate", lambda: writing.generate_batch(loaded, text, ask, count, means), made)
        job.stepped.connect(self._several_stepped)
        job.finished.connect(self._several_finished)

    def _search(self, loaded: LoadedModel, text: str, settings: DecodingSettings, compared: bool) -> None:
        # The prompt's holder; a text of the list comes only when one of the beams is written out.
        branch = Branch(text, searched=settings)
        self._loaded, self._searched, self._best = loaded, branch, None
        self.tree, means = BeamTree((), (), False), self._means()
        job = self._begin("Beam search", lambda: writing.search(loaded, text, settings, means), [branch], listed=False)
        job.stepped.connect(self._searched_on)
        job.finished.connect(self._found)
        self._then = self._write_best if compared else None

    def _write_best(self) -> None:
        if self.tree is not None and self.tree.sequences:
            self.write_out(self.tree.sequences[0].ids)


def _closed(branch: Branch) -> UserError:
    return UserError(f"{branch.model}, which wrote this, is not open.", f"Open {branch.model} to go on with it.")
