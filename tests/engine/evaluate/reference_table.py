"""Our figures beside the references', with times: `PYTHONPATH=.:tests python -m engine.evaluate.reference_table TEXT …`

For story-gpt and two small random models: sliding windows against the loop of transformers' documentation, and the
plan lm-eval against lm-evaluation-harness where that is installed (`pip install --group lm-eval`).
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from engine.evaluate.references import documented_recipe
from engine.tiny_models import save_tiny

from app.engine.evaluate.records import Plan, Scores
from app.engine.evaluate.score import Scoring
from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.engine.texts.records import Record

WINDOW = 128
LETTERS = 40_000


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def ours(loaded: LoadedModel, text: str, plan: Plan) -> Scores:
    scoring = Scoring(loaded, [Record(text)], plan)
    for _ in scoring.steps():
        pass
    return scoring.result()


def recipe(loaded: LoadedModel, text: str) -> float:
    ids = loaded.tokenizer(text, return_tensors="pt", verbose=False)["input_ids"]
    total, count = documented_recipe(loaded.model, ids, WINDOW, WINDOW // 2)
    return math.exp(total / count)


def harness(loaded: LoadedModel) -> Any:
    """lm-evaluation-harness's wrapper around the same model, None where it is not installed."""
    try:
        from lm_eval.models.huggingface import HFLM
    except ImportError:
        return None
    return HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, max_length=WINDOW, batch_size=1, device="cpu")


def rolling(wrapped: Any, text: str) -> float:
    from lm_eval.api.instance import Instance

    [likelihood] = wrapped.loglikelihood_rolling([Instance("loglikelihood_rolling", {}, (text,), 0)], disable_tqdm=True)
    return math.exp(-likelihood / len(text.encode()))


def main(paths: list[str]) -> None:
    torch.set_num_threads(1)
    print("| model | text | perplexity: ours | recipe | byte perplexity, lm-eval plan: ours | harness | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        models = [load("story-gpt")]
        models += [load(save_tiny(Path(folder) / family, family)) for family in ("llama", "gpt_neox")]
        for loaded in models:
            wrapped = harness(loaded)
            for path in paths:
                text = Path(path).read_text(encoding="utf-8")[:LETTERS]
                sliding, first = timed(lambda: ours(loaded, text, Plan(WINDOW, WINDOW // 2)))  # noqa: B023
                documented, second = timed(lambda: recipe(loaded, text))  # noqa: B023
                blocks, third = timed(lambda: ours(loaded, text, Plan(WINDOW, name="lm-eval")))  # noqa: B023
                theirs, fourth = timed(lambda: rolling(wrapped, text)) if wrapped else (math.nan, math.nan)  # noqa: B023
                name = f"{Path(path).parent.name}/{Path(path).name}"
                print(
                    f"| {loaded.summary.name} | {name} | {sliding.perplexity:.4f} | "
                    f"{documented:.4f} | {blocks.byte_perplexity:.6f} | {theirs:.6f} | "
                    f"{first:.2f} / {second:.2f}; {third:.2f} / {fourth:.2f} |"
                )


if __name__ == "__main__":
    main(sys.argv[1:])
