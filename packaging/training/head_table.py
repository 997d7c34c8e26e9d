"""What each head of a decoder does, measured on held-out passages that occur twice."""

from __future__ import annotations

import numpy as np

from app.engine.models.loaded import LoadedModel
from app.engine.trace import trace
from app.engine.trace.head_scores import HeadScores, head_scores


def measured_heads(model: LoadedModel, passages: list[str]) -> list[list[HeadScores]]:
    """Mean scores over the passages, each written twice in a row, `[layer][head]`."""
    runs = []
    for passage in passages:
        t = trace(model, f"{passage} {passage}")
        ids = [token.id for token in t.tokens]
        runs.append([[head_scores(head.numpy(), ids) for head in t.attention(layer)] for layer in _layers(model)])
    return [
        [_mean([run[layer][head] for run in runs]) for head in range(model.summary.heads)] for layer in _layers(model)
    ]


def _layers(model: LoadedModel) -> range:
    return range(model.summary.layers)


def _mean(scores: list[HeadScores]) -> HeadScores:
    def over(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None

    return HeadScores(
        over([score.previous_token for score in scores]),
        over([score.first_token for score in scores]),
        over([score.induction for score in scores]),
        over([score.spread for score in scores]),
    )


def as_table(heads: list[list[HeadScores]]) -> str:
    """A Markdown table, one row a head, percentages."""
    rows = ["| head | previous token | first token | induction | spread |", "| --- | ---: | ---: | ---: | ---: |"]
    for layer, line in enumerate(heads):
        for head, score in enumerate(line):
            figures = (score.previous_token, score.first_token, score.induction, score.spread)
            cells = " | ".join("" if figure is None else f"{100 * figure:.0f}%" for figure in figures)
            rows.append(f"| L{layer} H{head} | {cells} |")
    return "\n".join(rows)
