"""Conditional perplexity: what an encoder-decoder pays for a target, given its source."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from app.engine.errors import TooLongError, UserError
from app.engine.evaluate.causal import SMALLER_WINDOW
from app.engine.evaluate.encoding import Encoded, encode
from app.engine.evaluate.surprisal import Noted, note
from app.engine.models.memory import memory_errors

_TARGET = "Give the source too: a second column of a table, or the field beside the pasted text."


class ConditionalScorer:
    """Scores targets with teacher forcing: every label is predicted from the source and the labels before it.

    Labels are `tokenizer(text_target=target)` with its special tokens, as transformers trains and measures these
    models; the decoder's input is the same moved right behind its start token, by the model itself.
    """

    def __init__(self, loaded: Any) -> None:
        self._loaded = loaded

    def encode(self, target: str) -> Encoded:
        """The labels and the bytes of the target that each stands for."""
        return encode(_AsTarget(self._loaded.tokenizer), target)

    def score(self, source: str, labels: np.ndarray, place: str) -> Noted:
        """What each of the labels, int64 `[token]`, cost. Raises UserError without a source and for texts that are
        longer than the model's positions; `place` says where they stand."""
        with memory_errors(f"measuring with {self._loaded.summary.name}", SMALLER_WINDOW), torch.inference_mode():
            logits = self._rows(source, labels, place)
            return note(logits, torch.from_numpy(labels).to(logits.device))

    def at(self, source: str, labels: np.ndarray, label: int) -> torch.Tensor:
        """The logits in the place of one label, given the source and those before it; fp32 `[vocabulary]`, on the
        CPU."""
        with memory_errors(f"reading a token with {self._loaded.summary.name}", SMALLER_WINDOW), torch.inference_mode():
            return self._rows(source, labels, "")[label].float().cpu()

    def require_source(self, source: str, place: str) -> None:
        """Raise UserError when there is nothing to read."""
        if not source.strip():
            name, where = self._loaded.summary.name, f" ({place})" if place else ""
            raise UserError(f"{name} writes one text from another, and there is no source{where}.", _TARGET)

    def _rows(self, source: str, labels: np.ndarray, place: str) -> torch.Tensor:
        """Logits `[label, vocabulary]`."""
        loaded = self._loaded
        name, limit = loaded.summary.name, loaded.summary.context
        where = f" ({place})" if place else ""
        self.require_source(source, place)
        given = loaded.tokenizer(source, verbose=False, return_tensors="pt")
        ids = given["input_ids"].to(loaded.device)
        for what, length in (("source", ids.shape[1]), ("target", len(labels))):
            if loaded.anatomy.position and limit is not None and length > limit:
                raise TooLongError(
                    f"The {what}{where} has {length:,} tokens; {name} has positions for {limit:,}.",
                    "Shorten it, or measure with a model with a longer context.",
                    limit,
                )
        wanted = torch.from_numpy(labels)[None].to(loaded.device)
        # With labels the model makes its decoder's input from them; its own loss is not needed.
        logits: torch.Tensor = loaded.model(input_ids=ids, labels=wanted, return_dict=True).logits[0]
        return logits


class _AsTarget:
    """The tokenizer as it reads targets, called as `encode` calls one."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.is_fast = getattr(tokenizer, "is_fast", False)

    def __call__(self, text: str, **options: Any) -> Any:
        return self._tokenizer(text_target=text, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)
