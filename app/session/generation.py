"""What may be asked of writing: a text, several, a search, a fork, going on, another beginning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.engine.decode.records import BeamTree
from app.engine.decode.settings import BEAMS, DecodingSettings
from app.jobs.board import Board
from app.session import writing
from app.session.branches import Branch, without
from app.session.text_runs import Before, TextRuns

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
        if not beside:
            self.branches = []
        ask = self._ask if seed is None else lambda: replace(self._settings, seed=seed)
        searches = loaded.kind != "encoder" and self._settings.method in BEAMS
        found = self.tree is not None and self.tree.finished and bool(self.tree.sequences)
        if searches and compared and found and self._best not in self.branches:
            settings = ask()
            self._write_best()
            self._then = lambda: self._search(loaded, text, settings, compared)
            return
        self.tree = None
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
        if self._loaded is None or not 0 <= index <= len(self.steps) or self.current.filled:
            return
        self._stop_quietly()
        index = min(index, self.current.firm)
        branch = self._beside(index)
        given = branch.ids
        # The same settings with the same random numbers would write the same text again.
        again = token is None and self.written_alike(index)

        def ask() -> DecodingSettings:
            settings = self._settings
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
        if self._loaded is None or self.running or self.current.filled:
            return
        branch = self.current
        if branch.ended_by == "context full":
            # Only sliding helps, which whoever shows the state offers.
            self.state_changed.emit()
            return
        before = Before(tuple(branch.steps), branch.ended_by, branch.firm, fresh=False)
        del branch.steps[branch.firm :]
        given, branch.ended_by = branch.ids, ""
        self._write_on(
            branch, given, lambda: replace(self._settings, max_new_tokens=len(given) + self._settings.max_new_tokens)
        )
        self._before[branch] = before

    def rewrite(self, text: str) -> None:
        """Go on from what an encoder-decoder wrote, as the person edited it: a branch from the first token that is
        another on, in which the edited tokens are forced, each looked at by the model as any other."""
        loaded, current = self._loaded, self.current
        if loaded is None or not current.apart:
            return

        def go_on(ids: tuple[int, ...]) -> None:
            pairs = zip(current.ids[: current.firm], ids, strict=False)
            same = next((place for place, (old, new) in enumerate(pairs) if old != new), min(current.firm, len(ids)))
            longest = len(ids) + self._settings.max_new_tokens
            branch = self._beside(same)
            self._write_on(branch, ids[:same], lambda: replace(self._settings, forced=ids, max_new_tokens=longest))

        self._stop_quietly()
        self._prepare("Read the text", lambda: writing.target_ids(loaded, text), go_on)

    def slide(self) -> None:
        """Where the context is full: go on after the last half of the text, which becomes the prompt. The decoder of
        an encoder-decoder has no prompt that could slide."""
        loaded, current = self._loaded, self.current
        if loaded is None or self.running or not current.steps or current.apart or current.filled:
            return
        text, written = current.prompt_text, current.ids[: current.firm]
        self._prepare(
            "Slide the window",
            lambda: writing.tail(loaded, text, written),
            lambda tail: self._write_on(Branch(tail), (), self._ask),
        )

    def write_out(self, ids: tuple[int, ...]) -> None:
        """Make an ordinary text of one that a beam search found, so that each of its choices can be looked at."""
        tree, of = self.tree, self._searched
        if of.loaded is None or of.searched is None or tree is None:
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

    def clear(self) -> None:
        """Stop and forget what was written, for instance when its model closes."""
        self.stop()
        self._loaded, self._kept, self._searched, self._best = None, [], Branch(""), None
        self.branches, self.current, self.tree, self.cost = [], Branch(""), None, None
        self.started.emit()
        self.branches_changed.emit()

    def keep_only(self, models: Sequence[LoadedModel | None]) -> None:
        """A model was closed: what it wrote goes, so that its memory is free."""
        closed = self._loaded is not None and self._loaded not in models
        gone = [each for each in self.branches if each.loaded not in models]
        if not closed and not gone:
            return
        if len(gone) == len(self.branches):
            self.clear()
            return
        for branch in gone:
            self.branches = without(self.branches, branch)
        # The cache of keys and values holds on to its model.
        self._kept = []
        if self._searched.loaded not in models:
            self._searched, self._best, self.tree = Branch(""), None, None
        if closed:
            self.stop()
            self._turn_to(self.branches[-1])
        self.branches_changed.emit()

    def _ask(self) -> DecodingSettings:
        return self._settings

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
        made, means = [Branch(text, model=loaded.summary.name) for _ in range(count)], self._means()
        job = self._begin("Generate", lambda: writing.generate_batch(loaded, text, ask, count, means), made)
        job.stepped.connect(self._several_stepped)
        job.finished.connect(self._several_finished)

    def _search(self, loaded: LoadedModel, text: str, settings: DecodingSettings, compared: bool) -> None:
        # The prompt's holder; a text of the list comes only when one of the beams is written out.
        branch = Branch(text, model=loaded.summary.name, searched=settings)
        self._loaded, self._searched, self._best = loaded, branch, None
        self.tree, means = BeamTree((), (), False), self._means()
        job = self._begin("Beam search", lambda: writing.search(loaded, text, settings, means), [branch], listed=False)
        job.stepped.connect(self._searched_on)
        job.finished.connect(self._found)
        self._then = self._write_best if compared else None

    def _write_best(self) -> None:
        if self.tree is not None and self.tree.sequences:
            self.write_out(self.tree.sequences[0].ids)
