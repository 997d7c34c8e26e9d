"""A small beam search made by hand: three beams, five steps, pruned and ended candidates."""

from __future__ import annotations

from math import log

from app.engine.decode.records import BeamNode, BeamSequence, BeamTree

# name: (the name it follows, token, probability, total, kept)
CANDIDATES = {
    "stone": ("", " stone", 0.40, -0.92, 0),
    "shell": ("", " shell", 0.22, -1.51, 1),
    "key": ("", " key", 0.14, -1.97, 2),
    "coin": ("", " coin", 0.08, -2.53, None),
    "leaf": ("", " leaf", 0.07, -2.66, None),
    "red": ("", " red", 0.06, -2.81, None),
    "dog": ("", " dog", 0.01, -4.61, None),
    "cat": ("", " cat", 0.01, -4.70, None),
    "in": ("stone", " in", 0.46, -1.69, 0),
    "on": ("stone", " on", 0.21, -2.48, 2),
    "and": ("stone", " and", 0.07, -3.58, None),
    "shell in": ("shell", " in", 0.42, -2.38, 1),
    "shell on": ("shell", " on", 0.24, -2.94, None),
    "the": ("in", " the", 0.84, -1.87, 0),
    "a": ("in", " a", 0.08, -4.35, None),
    "on the": ("on", " the", 0.90, -2.58, 1),
    "shell the": ("shell in", " the", 0.80, -2.60, 2),
    "grass": ("the", " grass", 0.21, -3.43, 2),
    "ground": ("on the", " ground", 0.52, -3.24, 0),
    "sand": ("shell the", " sand", 0.47, -3.36, 1),
    "water": ("shell the", " water", 0.13, -4.64, None),
    "grass.": ("grass", ".", 0.62, -3.91, 2),
    "ground.": ("ground", ".", 0.74, -3.54, None),
    "sand.": ("sand", ".", 0.71, -3.70, 1),
    "sand,": ("sand", ",", 0.08, -5.89, None),
}
ENDED = "ground."
NAMES = list(CANDIDATES)
TOKENS = sorted({token for _, token, *_ in CANDIDATES.values()})


def at(name: str) -> int:
    """The index of a candidate."""
    return NAMES.index(name)


def all_nodes() -> tuple[BeamNode, ...]:
    """Every candidate in the order of the steps."""
    made: list[BeamNode] = []
    for name, (parent, token, probability, total, kept) in CANDIDATES.items():
        before = at(parent) if parent else -1
        step = made[before].step + 1 if parent else 0
        made.append(
            BeamNode(len(made), before, step, TOKENS.index(token), token, log(probability), total, kept, name == ENDED)
        )
    return tuple(made)


def sequence(last: str, score: float | None = None) -> BeamSequence:
    """The text that ends with a candidate."""
    nodes, way = all_nodes(), [at(last)]
    while nodes[way[0]].parent >= 0:
        way.insert(0, nodes[way[0]].parent)
    total = nodes[way[-1]].total
    text = "".join(nodes[index].text for index in way)
    ids = tuple(nodes[index].token_id for index in way)
    return BeamSequence(ids, text, total / len(ids) if score is None else score, total, tuple(way))


def finished_tree() -> BeamTree:
    """The search when it is done; greedy decoding would have written the third text."""
    return BeamTree(
        all_nodes(), (sequence("ground."), sequence("sand."), sequence("grass.")), True, None, sequence("grass.")
    )


def growing_tree(steps: int) -> BeamTree:
    """The same search after so many steps."""
    nodes = tuple(node for node in all_nodes() if node.step < steps)
    held = [node for node in nodes if node.step == steps - 1 and node.kept is not None]
    best = min(held, key=lambda node: node.kept)
    return BeamTree(nodes, (sequence(NAMES[best.index]),), False)


def long_tree(steps: int, width: int) -> BeamTree:
    """`width` beams, each step with as many pruned ones; all follow the first beam."""
    nodes: list[BeamNode] = []
    for step in range(steps):
        parent = len(nodes) - 2 * width if step else -1
        for rank in range(2 * width):
            kept = rank if rank < width else None
            nodes.append(BeamNode(len(nodes), parent, step, rank, f" t{rank}", -0.5 - rank, -1.0 * step - rank, kept))
    way = tuple(range(0, len(nodes), 2 * width))
    return BeamTree(tuple(nodes), (BeamSequence(way, "text", -1.0, -1.0, way),), False)
