"""Pseudo-perplexity: each token hidden in turn and guessed from all the others.

Salazar et al. 2020, "Masked Language Model Scoring" (arXiv:1910.14659). It is no probability of the text, and not
comparable with a causal model's perplexity.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from app.engine.errors import UserError
from app.engine.evaluate.causal import SMALLER_WINDOW, Room
from app.engine.evaluate.records import Plan
from app.engine.evaluate.surprisal import Noted, note
from app.engine.evaluate.windows import Window, halved
from app.engine.models.memory import NoMemoryError, memory_errors
from app.engine.trace.capture import logits_of


class MaskedScorer:
    """Scores windows of a text's own tokens; the special ones stand around each window as the tokenizer puts them."""

    def __init__(self, loaded: Any) -> None:
        tokenizer = loaded.tokenizer
        if loaded.summary.answer != "masked token" or tokenizer.mask_token_id is None:
            raise UserError(
                f"{loaded.summary.name} cannot score a text: it has no head that fills masks.",
                "Open a masked model such as story-bert, or a decoder.",
            )
        self._loaded = loaded
        self._mask = int(tokenizer.mask_token_id)
        around = tokenizer(tokenizer.mask_token, verbose=False)["input_ids"]
        middle = around.index(self._mask)
        self._before, self._after = np.asarray(around[:middle], np.int64), np.asarray(around[middle + 1 :], np.int64)
        self._types = "token_type_ids" in inspect.signature(loaded.model.forward).parameters
        self._room = Room(loaded)

    @property
    def special(self) -> int:
        """How many special tokens stand around a window."""
        return len(self._before) + len(self._after)

    def parts(self, window: Window) -> Iterator[tuple[int, int]]:
        """From and to which token is scored in one step of the model."""
        length = window.stop - window.start + self.special
        at = window.first
        while at < window.last:
            # Asked anew each time: memory may have turned out to be less.
            step = max(1, min(self._room.tokens, self._room.rows) // length)
            yield at, min(at + step, window.last)
            at += step

    def score(self, ids: np.ndarray, window: Window, first: int, last: int) -> Noted:
        """What the tokens `first` to `last` cost, each hidden alone. `ids`, int64 `[token]`, without special ones."""
        try:
            with memory_errors(f"measuring with {self._loaded.summary.name}", SMALLER_WINDOW), torch.inference_mode():
                rows = self._rows(ids, window, first, last)
                return note(rows, torch.from_numpy(ids[first:last]).to(rows.device))
        except NoMemoryError:
            if last - first == 1:
                raise
        self._room.halve()
        smaller = self.parts(replace(window, first=first, last=last))
        return Noted.joined([self.score(ids, window, *part) for part in smaller])

    def hidden(self, ids: np.ndarray, window: Window, token: int) -> torch.Tensor:
        """The logits in the place of one token that is hidden; fp32 `[vocabulary]`, on the CPU."""
        with memory_errors(f"reading a token with {self._loaded.summary.name}", SMALLER_WINDOW), torch.inference_mode():
            return self._rows(ids, window, token, token + 1)[0].float().cpu()

    def windows(self, tokens: int, plan: Plan, number: int = 0) -> Iterator[Window]:
        """The windows of a text of so many tokens of its own, from the `number`th on: the special ones around each
        count too."""
        assert plan.window is not None
        assert plan.stride is not None
        window = max(2, plan.window - self.special)
        return halved(tokens, window, min(plan.stride, window - 1), number)

    def _rows(self, ids: np.ndarray, window: Window, first: int, last: int) -> torch.Tensor:
        """Logits `[token, vocabulary]`."""
        device = self._loaded.device
        text = np.concatenate([self._before, ids[window.start : window.stop], self._after])
        places = np.arange(first, last) - window.start + len(self._before)
        inputs = np.repeat(text[None], last - first, 0)
        inputs[np.arange(last - first), places] = self._mask
        arguments: dict[str, torch.Tensor] = {"input_ids": torch.from_numpy(inputs).to(device)}
        if self._types:
            arguments["token_type_ids"] = torch.zeros_like(arguments["input_ids"])
        logits = logits_of(self._loaded.model(**arguments, return_dict=True))
        assert logits is not None, "a model whose answer is a masked token has a head"
        return logits[torch.arange(last - first, device=device), torch.from_numpy(places).to(device)]
