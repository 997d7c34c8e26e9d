"""Texts, their branches and the last beam search as plain data for the session's file, and back. Logits are not kept:
the model has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.engine.decode.records import BeamNode, BeamSequence, BeamTree
from app.engine.decode.settings import DecodingSettings
from app.engine.trace.records import Token
from app.session.branches import Branch
from app.session.generated import GeneratedToken

MOST_TOKENS = 12_000
"""New tokens kept over all texts, the newest texts first: the file is written often."""
MOST_NODES = 4000
"""A tree of more nodes is not kept, for the same reason."""


@dataclass(frozen=True)
class KeptTexts:
    """What one start leaves to the next. Its branches know what opens their models, which nobody has opened yet."""

    branches: tuple[Branch, ...] = ()
    current: int | None = None
    """The place of the text that was looked at; None where that was none of them."""
    searched: Branch | None = None
    """Prompt, model and settings of the last beam search."""
    tree: BeamTree | None = None
    best: int | None = None
    """The place of the text that the best beam was written out to."""


def texts_to_keep(texts: KeptTexts) -> dict[str, Any]:
    """As plain data. Filled gaps are left out, since a model does not compute their choices again one by one."""
    wanted: list[Branch] = []
    tokens = 0
    for branch in reversed(texts.branches):
        tokens += len(branch.steps)
        if tokens > MOST_TOKENS:
            break
        if branch.ref and branch.steps and not branch.filled:
            wanted.insert(0, branch)
    kept: dict[str, Any] = {"branches": [_kept(branch, wanted) for branch in wanted]}
    for name, place in (("current", texts.current), ("best", texts.best)):
        kept[name] = None if place is None else _place(texts.branches[place], wanted)
    searched, tree = texts.searched, texts.tree
    if searched is not None and tree is not None and tree.finished and len(tree.nodes) <= MOST_NODES:
        kept["search"] = {
            **_kept(searched, wanted),
            "nodes": [_row(node) for node in tree.nodes],
            "found": [_row(one) for one in tree.sequences],
            "seed": tree.seed,
            "greedy": None if tree.greedy is None else _row(tree.greedy),
        }
    return kept


def texts_back(kept: Mapping[str, Any]) -> KeptTexts:
    """The texts again, none of them with its model. Raises ValueError when they cannot be understood."""
    branches: list[Branch] = []
    if not kept:
        return KeptTexts()
    try:
        for one in kept["branches"]:
            branches.append(_branch_back(one, branches))
        current, best, search = kept["current"], kept["best"], kept.get("search")
        # A place beyond the list is damage, too.
        for place in (current, best):
            if place is not None:
                branches[place]
        if search is None:
            return KeptTexts(tuple(branches), current, best=best)
        greedy = None if search["greedy"] is None else _sequence_back(search["greedy"])
        found = tuple(_sequence_back(one) for one in search["found"])
        tree = BeamTree(tuple(BeamNode(*node) for node in search["nodes"]), found, True, search["seed"], greedy)
        return KeptTexts(tuple(branches), current, _branch_back(search, branches), tree, best)
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise ValueError(f"a kept text is damaged ({error})") from error


def _row(record: BeamNode | BeamSequence) -> list[Any]:
    """Its fields in their order; `astuple` copies every value and takes ten times as long."""
    return [*vars(record).values()]


def _place(wanted: Branch | None, branches: Sequence[Branch]) -> int | None:
    return next((place for place, branch in enumerate(branches) if branch is wanted), None)


def _kept(branch: Branch, wanted: Sequence[Branch]) -> dict[str, Any]:
    settings: list[DecodingSettings] = []
    for step in branch.steps:
        if not settings or settings[-1] != step.settings:
            settings.append(step.settings)
    return {
        "prompt_text": branch.prompt_text,
        "prompt": [[token.id, token.text, token.special] for token in branch.prompt],
        "parent": _place(branch.parent, wanted),
        "fork": branch.fork,
        "model": branch.model,
        "kind": branch.kind,
        "ref": branch.ref,
        "precision": branch.precision,
        "adapter": branch.adapter,
        "ended_by": branch.ended_by,
        "found_by": branch.found_by,
        "batch": None if branch.batch is None else [*branch.batch],
        "settings": [asdict(each) for each in settings],
        "searched": None if branch.searched is None else asdict(branch.searched),
        "steps": [_kept_step(step, settings.index(step.settings)) for step in branch.steps],
    }


def _branch_back(kept: Mapping[str, Any], earlier: Sequence[Branch]) -> Branch:
    settings = [DecodingSettings(**each) for each in kept["settings"]]
    branch = Branch(
        str(kept["prompt_text"]),
        tuple(Token(token, text, special) for token, text, special in kept["prompt"]),
        [_step_back(step, settings) for step in kept["steps"]],
        None if kept["parent"] is None else earlier[kept["parent"]],
        int(kept["fork"]),
    )
    for name in ("model", "kind", "ref", "precision", "adapter", "ended_by", "found_by"):
        setattr(branch, name, str(kept[name]))
    branch.searched = DecodingSettings(**kept["searched"]) if kept["searched"] else None
    if (batch := kept.get("batch")) is not None:
        place, count = batch
        branch.batch = int(place), int(count)
    return branch


def _kept_step(step: GeneratedToken, settings: int) -> list[Any]:
    told = [step.token_id, step.text, step.logprob, step.draw, step.seed, settings]
    # Most steps have none of these.
    rare = [step.name if step.ends else None, step.shortened, step.training_step]
    return told if rare == [None, False, None] else [*told, *rare]


def _step_back(kept: Sequence[Any], settings: Sequence[DecodingSettings]) -> GeneratedToken:
    token, text, logprob, draw, seed, place = kept[:6]
    name, shortened, training_step = kept[6:] or (None, False, None)
    return GeneratedToken(
        token,
        text,
        logprob,
        None,
        None,
        draw,
        settings[place],
        seed,
        ends=name is not None,
        shortened=shortened,
        training_step=training_step,
        name=name or "",
    )


def _sequence_back(kept: Sequence[Any]) -> BeamSequence:
    ids, text, score, total, nodes = kept
    return BeamSequence(tuple(ids), text, score, total, tuple(nodes))
