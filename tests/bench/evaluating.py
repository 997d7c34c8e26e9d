"""Perplexity of a text of some thousand tokens against the loop of transformers' documentation, and against disjoint
blocks as lm-evaluation-harness takes them, with equal numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from app.engine.evaluate import Plan, Scores, perplexity
from app.engine.evaluate.score import Scoring
from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.engine.texts.records import Record
from tests.bench.measure import ROOT, Budget, Row, compare, hand_over, in_turn, per_second, seconds
from tests.bench.models import STORY, one_thread

REPEATS = 7
WINDOWS = ((512, 256), (128, 64), (512, 511))
BLOCKS = (512, 128)
TEXTS = ("bedtime-story", "fairy-tale", "news-report", "class-essay")


def text_of(copies: int) -> str:
    """The sample texts one after the other, several times."""
    parts = [(ROOT / "resources" / "texts" / f"{name}.txt").read_text(encoding="utf-8") for name in TEXTS]
    return "".join(parts) * copies


def documented(loaded: LoadedModel, text: str, window: int, stride: int) -> tuple[float, int]:
    """(total nats, tokens) by the recipe "Perplexity of fixed-length models", counting the tokens it scores."""
    ids = loaded.tokenizer(text, return_tensors="pt", verbose=False)["input_ids"]
    total, count, before = 0.0, 0, 0
    for start in range(0, ids.shape[1], stride):
        end = min(start + window, ids.shape[1])
        inputs = ids[:, start:end]
        targets = inputs.clone()
        targets[:, : -(end - before)] = -100
        with torch.no_grad():
            loss = loaded.model(inputs, labels=targets).loss
        scored = int((targets[:, 1:] != -100).sum())
        total, count, before = total + float(loss) * scored, count + scored, end
        if end == ids.shape[1]:
            break
    return total, count


def disjoint(loaded: LoadedModel, text: str, window: int) -> tuple[float, int]:
    """(total nats, tokens) by lm-evaluation-harness's rolling log-likelihood, one block at a time: a prefix token, then
    blocks of `window` tokens after the token before them, the last one shifted back to be full."""
    tokens = loaded.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    prefix = loaded.tokenizer.bos_token_id
    ids = [loaded.tokenizer.eos_token_id if prefix is None else prefix, *tokens]
    total, done = 0.0, 0
    while done < len(tokens):
        stop = min(done + window, len(tokens))
        start = max(0, stop - window)
        with torch.no_grad():
            logits = loaded.model(torch.tensor([ids[start:stop]])).logits[0]
        shares = torch.log_softmax(logits[done - start :], -1)
        total -= float(shares.gather(-1, torch.tensor(ids[done + 1 : stop + 1])[:, None]).sum())
        done = stop
    return total, len(tokens)


def in_blocks(loaded: LoadedModel, text: str, window: int) -> Scores:
    """The same by the plan lm-eval."""
    scoring = Scoring(loaded, [Record(text)], Plan(window, name="lm-eval"))
    for _ in scoring.steps():
        pass
    return scoring.result()


def rate(work: Callable[[], object], count: int) -> Callable[[], float]:
    """Tokens a second."""
    taken = seconds(work)
    return lambda: count / taken()


def measure(copies: int = 3, repeats: int = REPEATS) -> list[Row]:
    """A row for each pair of window and stride, and for blocks. Raises AssertionError where the numbers differ."""
    one_thread()
    loaded, text, rows = load(STORY), text_of(copies), []
    for window, stride in WINDOWS:
        ours = perplexity(loaded, text, window=window, stride=stride)
        total, count = documented(loaded, text, window, stride)
        assert ours.scored == count and math.isclose(ours.total_nats, total, rel_tol=1e-4)

        def own(window: int = window, stride: int = stride) -> object:
            return perplexity(loaded, text, window=window, stride=stride)

        def theirs(window: int = window, stride: int = stride) -> object:
            return documented(loaded, text, window, stride)

        numbers = in_turn({"ours": rate(own, count), "recipe": rate(theirs, count)}, repeats)
        rows.append(
            compare(
                f"perplexity(), window {window}, stride {stride}",
                numbers["ours"],
                "the documented recipe",
                numbers["recipe"],
                Budget(0.95, at_least=True),
                per_second,
            )
        )
    for window in BLOCKS:
        ours = in_blocks(loaded, text, window)
        total, count = disjoint(loaded, text, window)
        assert ours.scored == count and math.isclose(ours.total_nats, total, rel_tol=1e-4)

        def planned(window: int = window) -> object:
            return in_blocks(loaded, text, window)

        def plain(window: int = window) -> object:
            return disjoint(loaded, text, window)

        numbers = in_turn({"ours": rate(planned, count), "blocks": rate(plain, count)}, repeats)
        rows.append(
            compare(
                f"plan lm-eval, window {window}",
                numbers["ours"],
                "disjoint blocks, one by one",
                numbers["blocks"],
                Budget(0.95, at_least=True),
                per_second,
            )
        )
    return rows


if __name__ == "__main__":
    hand_over(measure())
