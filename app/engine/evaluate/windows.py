"""How a text is cut into windows, and which of them scores which token."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from app.engine.errors import UserError
from app.engine.evaluate.records import Plan

LARGEST = 1024
"""The window that is taken by itself is no longer than this, however long the context."""


@dataclass(frozen=True)
class Window:
    """Tokens `start` to `stop` are in sight, those from `first` to `last` are scored; neither end is included."""

    start: int
    stop: int
    first: int
    last: int


def settled(plan: Plan, context: int | None, objective: str = "causal") -> Plan:
    """The plan with its numbers. `context` is how many tokens the model has positions for, None without a limit.

    Raises UserError for a window of fewer than two tokens or beyond the context, and for a stride outside
    1 ≤ stride ≤ window − 1: with a stride of a whole window the first token of each would have no context.
    """
    window = min(context or LARGEST, LARGEST) if plan.window is None else plan.window
    if window < 2:
        raise UserError(f"A window of {window} tokens scores nothing.", "Take 2 or more.")
    if context is not None and window > context:
        raise UserError(
            f"A window of {window:,} tokens is longer than the model's context of {context:,}.",
            f"Take at most {context:,}.",
        )
    if plan.name == "lm-eval":
        return Plan(window, window, plan.name)
    stride = max(1, window // 2) if plan.stride is None else plan.stride
    if not 1 <= stride <= window - 1:
        raise UserError(
            f"A stride of {stride:,} does not go with a window of {window:,} tokens.",
            f"Take 1 to {window - 1:,}, so that every token has context and none is left out.",
        )
    return Plan(window, stride, plan.name)


def settled_windows(
    cut: Callable[[int, int], Iterator[Window]], growing: Iterable[tuple[int, bool]]
) -> Iterator[Window | None]:
    """The windows of a text whose tokens come bit by bit, each as soon as what follows it can no longer change it.

    `growing` says how many tokens there are by now and whether these are all; `cut(tokens, number)` gives a text's
    windows from the `number`th on. None comes before more tokens are waited for.
    """
    number = 0
    for tokens, ended in growing:
        for window in cut(tokens, number):
            # Only a window that ends with the text depends on where the text ends.
            if window.stop == tokens and not ended:
                break
            number += 1
            yield window
        if not ended:
            yield None


def moved(window: Window) -> Window:
    """The same window with its own first token as the zeroth."""
    start = window.start
    return Window(0, window.stop - start, window.first - start, window.last - start)


def sliding(tokens: int, window: int, stride: int, number: int = 0) -> Iterator[Window]:
    """Windows at 0, stride, 2·stride…; each scores what no earlier one scored, token 0 never.

    Every token after the first window is conditioned on at least `window − stride` tokens. The last window stops at
    the text's end. (The recipe of transformers' documentation, "Perplexity of fixed-length models", with every token
    counted once.) The first `number` of them are left out.
    """
    done = 1 if number == 0 else (number - 1) * stride + window
    for start in range(number * stride, max(tokens - 1, 0), stride):
        stop = min(start + window, tokens)
        yield Window(start, stop, done, stop)
        done = stop
        if stop == tokens:
            return


def rolling(tokens: int, window: int, number: int = 0) -> Iterator[Window]:
    """The blocks of lm-evaluation-harness's rolling log-likelihood (`get_rolling_token_windows`, context_len 1).

    Counted with the prefix token, which stands at place 0 before `tokens` − 1 tokens of text: blocks of `window`
    scored tokens, each after the token before it; the last block is shifted back to be full and scores what is left.
    The first `number` are left out.
    """
    text, done = tokens - 1, number * window
    while done < text:
        stop = min(done + window, text)
        start = max(0, stop - window)
        # Counted with the prefix, the inputs end before `stop` and what they predict ends with it.
        yield Window(start, stop + 1, done + 1, stop + 1)
        done = stop


def halved(tokens: int, window: int, stride: int, number: int = 0) -> Iterator[Window]:
    """Windows for a model that looks both ways: neighbours share their overlap half and half, so that every token has
    context on both sides, at least (window − stride) / 2 tokens of it where the text has them. The first `number`
    are left out."""
    done = 0 if number == 0 else (number - 1) * stride + window - (window - stride) // 2
    for start in range(number * stride, tokens, stride):
        stop = min(start + window, tokens)
        last = stop if stop == tokens else stop - (window - stride) // 2
        yield Window(start, stop, done, last)
        done = last
        if stop == tokens:
            return
