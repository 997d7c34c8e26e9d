"""Beam search and beam sampling, with every candidate they looked at.

The same steps as `GenerationMixin._beam_search` of transformers (early_stopping False), so that ids and scores are
those of `generate()`: candidates are compared by the sum of log-probabilities after the stages, finished texts by that
sum over a power of their length.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from app.engine.decode.chance import Chance
from app.engine.decode.kept import KeptForward
from app.engine.decode.nonfinite import nonfinite_error
from app.engine.decode.prompt import Prompt, check_settings, read_prompt
from app.engine.decode.records import BeamNode, BeamSequence, BeamTree, StageContext, StageOutcome
from app.engine.decode.settings import DecodingSettings
from app.engine.decode.stages import none_left, run_stages
from app.engine.errors import Cancelled, UserError

_NEVER = -1e9
"""The score of a beam that is not there, as transformers writes it."""


def beam_search(
    model: Any, text: str, settings: DecodingSettings, cancel: Callable[[], bool] | None = None
) -> BeamTree:
    """Search to the end. `settings.method` is "beam" or "beam_sample"; see `grow_beams`. Raises Cancelled."""
    steps = grow_beams(model, text, settings)
    while True:
        if cancel is not None and cancel():
            raise Cancelled
        try:
            next(steps)
        except StopIteration as end:
            tree: BeamTree = end.value
            return tree


def grow_beams(
    model: Any,
    text: str,
    settings: DecodingSettings,
    given: Sequence[int] = (),
    *,
    kept: KeptForward | None = None,
) -> Generator[BeamTree, None, BeamTree]:
    """Continue `text` by beams, one step of the model per `next`; each yields the tree so far, the last is returned.

    `given` are new tokens that stand already. The result's `sequences` are the best finished texts, `num_sequences` of
    them. Once they stand, greedy search writes its text for comparison, a step per `next` too: the very same finished
    tree is yielded until that is done, and then returned with it. A stop string ends a beam's text before it. `kept`
    holds the cache of the run before, of which what still holds is used again.

    Raises UserError for what cannot be continued, for settings of another method, for more texts than beams, and at
    the next step when the settings leave no beam a token.
    """
    prompt = read_prompt(model, text, given)
    check_settings(settings, prompt, beams=True)
    kept = kept or KeptForward()
    search = _Search(model, prompt, settings, kept)
    tree = search.tree()
    while not search.over:
        search.step()
        tree = search.tree()
        yield tree
    # The likeliest token every time, scored the same way. The prompt is in the cache by now.
    alone = _Search(model, prompt, replace(settings, method="beam", num_beams=1, num_sequences=1), kept)
    while not alone.over:
        yield tree
        alone.step()
    return replace(tree, greedy=next(iter(alone.tree().sequences), None))


def search_stages(logprobs: np.ndarray, context: StageContext, settings: DecodingSettings) -> tuple[StageOutcome, ...]:
    """The stages as they act on one beam's log-probabilities, float32 `[vocabulary]`: where beams are drawn the cuts
    leave each enough tokens to go on with."""
    at_least = len(context.rules.eos) + 1 if settings.draws and settings.num_beams > 1 else 1
    return run_stages(logprobs, replace(context, at_least=at_least), settings)


@dataclass(frozen=True)
class _Finished:
    """A complete text and its score."""

    node: int
    total: float
    score: float


class _Search:
    """The state between two steps: the beams that run, the texts that are finished, and all nodes."""

    def __init__(self, model: Any, prompt: Prompt, settings: DecodingSettings, kept: KeptForward) -> None:
        self._model, self._prompt, self._settings = model, prompt, settings
        self._forward = kept.take(model, prompt, np.array([*prompt.ids, *prompt.given], dtype=np.int64))
        self._weights = model.weights_state
        self._given = len(self._decode(prompt.given))
        """Characters that stand already: a stop string may begin in them, but not end."""
        self._chance = Chance(settings.seed)
        self._count = settings.num_beams
        self._considered = max(2, 1 + len(prompt.rules.eos)) * self._count
        self._ids = np.tile(np.array([*prompt.ids, *prompt.given], dtype=np.int64), (self._count, 1))
        self._totals = torch.full((self._count,), _NEVER)
        self._totals[0] = 0.0
        self._last = [-1] * self._count
        """The node each running beam ends in."""
        self._finished: list[_Finished] = []
        self._nodes: list[BeamNode] = []
        room = settings.max_new_tokens - len(prompt.given)
        if prompt.context is not None:
            room = min(room, prompt.context + 1 - self._ids.shape[1])
        self._room = max(room, 0)
        self._step = 0
        self._improvable = True
        self.over = self._room == 0

    def step(self) -> None:
        """One more token for every beam."""
        if self._model.weights_state != self._weights:
            raise UserError(
                f"{self._model.summary.name} was given other weights during the search, and the scores of its beams "
                "would be sums of both.",
                "Search again.",
            )
        logits = self._forward.rows(self._ids)
        if not np.isfinite(logits.numpy().max(axis=1)).all():
            raise nonfinite_error(self._model, self._prompt, self._ids[0])
        own = torch.log_softmax(logits, dim=-1)
        sums = self._staged(own) + self._totals[:, None]
        if not bool(torch.isfinite(sums).any()):
            raise none_left()
        totals, places = self._candidates(sums.reshape(-1))
        beams, tokens = places // own.shape[1], places % own.shape[1]
        hits = [self._ends(int(beam), int(token)) for beam, token in zip(beams, tokens, strict=True)]
        running = totals + torch.tensor(hits, dtype=torch.float32) * _NEVER
        kept = torch.topk(running, k=self._count)[1]
        rank = {int(place): at for at, place in enumerate(kept)}
        # Only among the best as many as there are beams does a text count as finished; the rest are there as a reserve.
        done = [hit and place < self._count for place, hit in enumerate(hits)]
        made = [len(self._nodes) + place for place in range(len(hits))]
        for place, (beam, token) in enumerate(zip(beams.tolist(), tokens.tolist(), strict=True)):
            after = self._last[beam]
            piece = self._model.tokenizer.decode([token])
            logprob, total = float(own[beam, token]), float(totals[place])
            at = None if hits[place] else rank.get(place)
            limit = done[place] and not self._closes(beam, token)
            self._nodes.append(
                BeamNode(made[place], after, self._step, token, piece, logprob, total, at, done[place], limit)
            )
        self._finish([(made[place], float(totals[place])) for place, end in enumerate(done) if end])
        self._go_on(beams[kept], tokens[kept], running[kept], [made[int(place)] for place in kept])
        self._judge(all(hits))

    def _staged(self, own: torch.Tensor) -> torch.Tensor:
        """Log-probabilities after the stages, `[beam, vocabulary]`, each beam's with what stands before it."""
        rows = []
        for ids, logprobs in zip(self._ids, own.numpy(), strict=True):
            context = StageContext(ids, len(self._prompt.ids), self._prompt.rules)
            rows.append(search_stages(logprobs, context, self._settings)[-1].logits)
        return torch.from_numpy(np.stack(rows))

    def _candidates(self, sums: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The sums and the places of what is looked at further, `[candidate]`: the best, or drawn without return."""
        if not self._settings.draws:
            best = torch.topk(sums, k=min(self._considered, len(sums)))
            return best[0], best[1]
        drawn = torch.multinomial(torch.softmax(sums, -1), self._considered, generator=self._chance.generator)
        return sums[drawn], drawn

    def _ends(self, beam: int, token: int) -> bool:
        return self._step + 1 >= self._room or self._closes(beam, token)

    def _closes(self, beam: int, token: int) -> bool:
        """Whether the token ends the text by itself: an end token, or the last letter of a stop string."""
        if token in self._prompt.rules.eos:
            return True
        return bool(self._settings.stop) and self._stops((*self._new_ids(self._ids[beam]), token)) is not None

    def _finish(self, ended: list[tuple[int, float]]) -> None:
        length = self._step + 1 + len(self._prompt.given)
        if self._improvable:
            scored = [_Finished(node, total, total / length**self._settings.length_penalty) for node, total in ended]
            self._finished = sorted([*self._finished, *scored], key=lambda text: -text.score)[: self._count]

    def _go_on(self, beams: torch.Tensor, tokens: torch.Tensor, totals: torch.Tensor, nodes: list[int]) -> None:
        self._ids = np.concatenate([self._ids[beams.numpy()], tokens.numpy()[:, None]], axis=1)
        self._totals, self._last = totals, nodes
        self._forward.select(beams.numpy())
        self._step += 1

    def _judge(self, nothing_left: bool) -> None:
        """Whether a running beam could still beat the worst finished text, by the heuristic of transformers."""
        length = self._step + len(self._prompt.given)
        best = float(self._totals[0]) / length**self._settings.length_penalty
        full = len(self._finished) == self._count
        self._improvable = self._improvable and (not full or best > self._finished[-1].score)
        alone = self._count == 1 and full  # One beam is greedy search, which ends with its text.
        self.over = nothing_left or not self._improvable or alone

    def tree(self, greedy: BeamSequence | None = None) -> BeamTree:
        """The tree as it stands."""
        if self.over and self._finished:
            texts = self._finished[: self._settings.num_sequences]
            sequences = tuple(self._sequence(text.node, text.total, text.score) for text in texts)
        else:
            length = max(1, self._step + len(self._prompt.given)) ** self._settings.length_penalty
            pairs = zip(self._last, self._totals.tolist(), strict=True)
            alive = [(node, total) for node, total in pairs if node >= 0 and total > _NEVER / 2]
            sequences = tuple(self._sequence(node, total, total / length) for node, total in alive)
        seed = self._chance.seed if self._settings.draws else None
        return BeamTree(tuple(self._nodes), sequences, self.over, seed, greedy)

    def _sequence(self, node: int, total: float, score: float) -> BeamSequence:
        way: list[int] = []
        while node >= 0:
            way.append(node)
            node = self._nodes[node].parent
        way.reverse()
        ids = (*self._prompt.given, *(self._nodes[place].token_id for place in way))
        return BeamSequence(ids, self._text(ids), score, total, tuple(way))

    def _new_ids(self, ids: np.ndarray) -> tuple[int, ...]:
        return tuple(ids[len(self._prompt.ids) :].tolist())

    def _decode(self, ids: tuple[int, ...]) -> str:
        text: str = self._model.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def _text(self, ids: tuple[int, ...]) -> str:
        """The text up to a stop string."""
        return self._decode(ids)[: self._stops(ids)]

    def _stops(self, ids: tuple[int, ...]) -> int | None:
        """Where in their text a stop string ends it, no earlier than what was given; None when none does."""
        if not self._settings.stop:
            return None
        text = self._decode(ids)
        found = [text.find(stop, max(0, self._given - len(stop) + 1)) for stop in self._settings.stop]
        places = [place for place in found if place >= 0]
        return max(min(places), self._given) if places else None
