"""The table of methods and families: whether our tokens are those of `generate()`.

PYTHONPATH=.:tests python -m engine.decode.equality_table
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import transformers
from engine.decode.decode_models import FAMILIES, SEQ2SEQ, Loaded, build
from engine.decode.test_beams import BEAM, found, generated

from app.engine.decode import DecodingSettings, beam_search, stream

PROMPT = "The quick brown fox"


def _greedy(loaded: Loaded, ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    ids = torch.tensor([loaded.tokenizer(PROMPT)["input_ids"]])
    made = loaded.model.generate(ids, do_sample=False, max_new_tokens=24, **theirs)[0].tolist()
    expected = made[1:] if loaded.kind == "encoder-decoder" else made[ids.shape[1] :]
    settings = DecodingSettings(method="greedy", max_new_tokens=24, **ours)
    return [step.token_id for step in stream(loaded, PROMPT, settings)] == expected


def _beams(loaded: Loaded, ours: dict[str, Any], theirs: dict[str, Any], seed: int | None = None) -> bool:
    tree = beam_search(loaded, PROMPT, replace(BEAM, **ours))
    pairs = zip(found(tree), generated(loaded, seed, **theirs), strict=True)
    return all(mine[0] == other[0] and abs(mine[1] - other[1]) < 1e-4 for mine, other in pairs)


COLUMNS: dict[str, Callable[[Loaded], bool]] = {
    "greedy": lambda loaded: _greedy(loaded, {}, {}),
    "greedy, repetition 1.4": lambda loaded: _greedy(loaded, {"repetition_penalty": 1.4}, {"repetition_penalty": 1.4}),
    "greedy, no 2-gram twice": lambda loaded: _greedy(loaded, {"no_repeat_ngram": 2}, {"no_repeat_ngram_size": 2}),
    "4 beams": lambda loaded: _beams(loaded, {}, {}),
    "4 beams, length −0.5": lambda loaded: _beams(loaded, {"length_penalty": -0.5}, {"length_penalty": -0.5}),
    "beam sampling, top-p 0.8, seed 11": lambda loaded: _beams(
        loaded,
        {"method": "beam_sample", "top_p": 0.8, "seed": 11},
        {"do_sample": True, "top_p": 0.8, "top_k": 0},
        11,
    ),
}


def main() -> None:
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    print(f"| family | {' | '.join(COLUMNS)} |")
    print(f"| --- |{' --- |' * len(COLUMNS)}")
    for family in (*FAMILIES, *SEQ2SEQ):
        loaded = build(family)
        cells = ("equal" if same(loaded) else "DIFFERENT" for same in COLUMNS.values())
        print(f"| {family} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
