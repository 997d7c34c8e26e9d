"""What is said about a beam search: its candidates, its table as text, and why greedy decoding found something else."""

from __future__ import annotations

from math import exp

from app.engine.decode.records import BeamNode, BeamSequence, BeamTree
from app.ui.widgets.number_text import number, percent_text
from app.ui.widgets.token_text import SPACE_SIGN, visible_token

_BEGINNING = 40
"""Signs of the text before a token that its tooltip shows."""


def token_words(node: BeamNode) -> str:
    """The token as people can read it; the one that ends the text may have none of its own."""
    return "end of text" if node.ended and not node.text else visible_token(node.text)


def visible_text(text: str) -> str:
    """A whole text with every space made visible."""
    return visible_token(text).replace(" ", SPACE_SIGN)


def sum_words(total: float) -> str:
    """A sum of log-probabilities: "Σ −2.48"."""
    return f"Σ {number(total, 2)}"


def fate_words(node: BeamNode) -> str:
    """What became of a candidate: "beam 2", "ended", "limit" or "pruned"."""
    if node.ended:
        return "limit" if node.at_limit else "ended"
    return "pruned" if node.kept is None else f"beam {node.kept + 1}"


def node_words(tree: BeamTree, index: int, prompt_end: str) -> str:
    """One candidate in one line: token, percent, sum, what became of it, and the text it follows."""
    node = tree.nodes[index]
    parts = (token_words(node), percent_text(exp(node.logprob)), sum_words(node.total), fate_words(node))
    return f"{' · '.join(parts)} · after {_beginning(tree, node.parent, prompt_end)}"


def tree_words(tree: BeamTree) -> str:
    """The tree in one sentence: "5 steps, 13 tokens kept, best text ␣stone."."""
    steps = tree.nodes[-1].step + 1 if tree.nodes else 0
    kept = sum(node.kept is not None for node in tree.nodes)
    words = f"{_count(steps, 'step')}, {_count(kept, 'token')} kept"
    return f"{words}, best text {visible_text(tree.sequences[0].text)}" if tree.sequences else words


def table_text(tree: BeamTree) -> str:
    """Every candidate as tab-separated text, exact to six digits."""
    lines = ["step\ttoken\tpercent\ttotal\tbeam"]
    for node in tree.nodes:
        fate = fate_words(node).removeprefix("beam ")
        percent = f"{100 * exp(node.logprob):.6g}"
        lines.append(f"{node.step + 1}\t{token_words(node)}\t{percent}\t{node.total:.6g}\t{fate}")
    return "\n".join(lines)


def greedy_reason(tree: BeamTree) -> str:
    """Why greedy decoding did not write the winner, in numbers; "" while the search runs, or when it did."""
    greedy = tree.greedy
    if greedy is None or not tree.sequences or not tree.finished or greedy.ids == tree.sequences[0].ids:
        return ""
    winner = tree.sequences[0]
    if tree.seed is not None:
        return (
            f"{_parting(tree, winner, greedy)} The beams were drawn: their sums are of what the settings left of "
            "the log-probabilities, greedy's of the model's own, so the two do not compare."
        )
    return f"{_parting(tree, winner, greedy)} {_outcome(winner, greedy)}"


def _parting(tree: BeamTree, winner: BeamSequence, greedy: BeamSequence) -> str:
    """Where the two texts part, and what each token was worth there."""
    pairs = zip(winner.ids, greedy.ids, strict=False)
    step = next((at for at, (one, other) in enumerate(pairs) if one != other), None)
    if step is None:
        return "Both begin alike, and one of them stops earlier."
    if step >= len(winner.nodes):
        return f"They part at step {step + 1}."
    taken = tree.nodes[winner.nodes[step]]
    passed = next(
        (node for node in tree.nodes if node.parent == taken.parent and node.token_id == greedy.ids[step]), None
    )
    best = f"{token_words(taken)} ({percent_text(exp(taken.logprob))})"
    if passed is None:
        return f"At step {step + 1} greedy took another token than the best beam's {best}."
    other = f"{token_words(passed)} ({percent_text(exp(passed.logprob))})"
    if passed.logprob > taken.logprob:
        return f"At step {step + 1} greedy took {other}, likelier there than the best beam's {best}."
    return f"At step {step + 1} greedy took {other}, the best beam {best}."


def _outcome(winner: BeamSequence, greedy: BeamSequence) -> str:
    """Which of the two is worth more in the end."""
    totals = f"{sum_words(winner.total)} against {sum_words(greedy.total)}"
    scores = f"{number(winner.score, 2)} against {number(greedy.score, 2)}"
    if winner.total > greedy.total:
        return f"In the end the best beam's total is higher: {totals}."
    if winner.score > greedy.score:
        return f"The best beam's total is not higher ({totals}), but its score, which counts its length, is: {scores}."
    return (
        f"Greedy's text scores no lower ({number(greedy.score, 2)}, the best beam's {number(winner.score, 2)}): the "
        "search dropped its beginning before the rest made up for it."
    )


def _beginning(tree: BeamTree, index: int, prompt_end: str) -> str:
    """The end of the text up to a node, the prompt's last token at its front."""
    text = ""
    while index >= 0 and len(text) < _BEGINNING:
        text = token_words(tree.nodes[index]) + text
        index = tree.nodes[index].parent
    if index < 0:
        text = visible_token(prompt_end) + text
    return text if len(text) <= _BEGINNING else f"…{text[-_BEGINNING:]}"


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
