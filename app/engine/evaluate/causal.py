"""A decoder's surprisal at every token of its windows, with never more logits in memory than are looked at."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache

from app.engine.errors import UserError
from app.engine.evaluate.surprisal import Noted, note
from app.engine.evaluate.windows import Window
from app.engine.models.devices import free_bytes
from app.engine.models.memory import NoMemoryError, memory_errors, require_memory

LOGIT_BYTES = 256 << 20
LOGIT_BYTES_GPU = 4 << 30
"""Logits that may be in memory at once, where there is room for them."""
BATCH_TOKENS = {"cpu": 512}
BATCH_TOKENS_GPU = 16_384
"""Tokens that go through the model at once, where there is room. On a CPU more brings nothing but longer steps."""
ROOM_SHARE = 4
"""A batch takes no more than this part of the memory that is free, and its logits as much again."""
FEWEST_ROWS = 8
SMALLER_WINDOW = "Take a smaller window, close the other model, or open this one with precision bf16."

Task = tuple[np.ndarray, Window]
"""The ids of a whole record, int64 `[token]`, and one window of it."""


class Room:
    """How much goes through a model at once: what free memory has room for, and less each time that was too much."""

    def __init__(self, loaded: Any) -> None:
        summary, device = loaded.summary, loaded.device
        on_cpu = device.type == "cpu"
        spare = free_bytes(str(device)) // ROOM_SHARE
        # What a block holds of a token while it runs: about ten of the residual width, two of the hidden layer's.
        token = (10 * summary.width + 2 * (summary.mlp_width or 4 * summary.width)) * 4
        self.tokens = max(1, min(BATCH_TOKENS.get(device.type, BATCH_TOKENS_GPU), spare // token))
        logits = min(LOGIT_BYTES if on_cpu else LOGIT_BYTES_GPU, spare)
        self.rows = max(1, logits // (4 * summary.vocabulary))
        """Places whose logits are in memory at once."""
        self.tight = False
        """It was too much once: a single window that is longer is read in parts too."""
        self._on_cuda = device.type == "cuda"

    def halve(self) -> bool:
        """It was too much: half of it from now on. False when there is no less."""
        if self._on_cuda:
            torch.cuda.empty_cache()
        less, self.tight = self.rows > FEWEST_ROWS, True
        self.tokens, self.rows = max(1, self.tokens // 2), max(1, self.rows // 2)
        return less


class CausalScorer:
    """Scores windows of ids. Nothing is kept between calls."""

    def __init__(self, loaded: Any) -> None:
        self._loaded = loaded
        plain = loaded.model
        accepted = inspect.signature(plain.forward).parameters
        self._keeps = "logits_to_keep" in accepted
        self._positions = "position_ids" in accepted
        self._cached = bool(getattr(plain, "_supports_default_dynamic_cache", lambda: False)())
        self._vocabulary = int(loaded.summary.vocabulary)
        self._room = Room(loaded)

    def fits(self, windows: Sequence[Window]) -> bool:
        """Whether memory and the device allow these windows in one step of the model."""
        longest = max(window.stop - window.start for window in windows)
        scored = max(window.last - window.first for window in windows)
        return len(windows) * longest <= self._room.tokens and len(windows) * scored <= self._room.rows

    def score(self, batch: Sequence[Task]) -> list[Noted]:
        """What each window's scored tokens cost, in the batch's order. What does not fit into memory is done in
        halves; raises UserError when nothing fits."""
        while True:
            try:
                with memory_errors(f"measuring with {self._loaded.summary.name}", SMALLER_WINDOW):
                    return self._in_room(batch)
            except NoMemoryError:
                if not self._room.halve():
                    raise

    @torch.inference_mode()
    def _in_room(self, batch: Sequence[Task]) -> list[Noted]:
        if len(batch) == 1:
            window = batch[0][1]
            short = not self._room.tight or window.stop - window.start <= self._room.tokens
            fits = short and window.last - window.first <= self._room.rows
            return self._at_once(batch) if fits else [self._in_segments(*batch[0])]
        if self.fits([window for _, window in batch]):
            return self._at_once(batch)
        middle = len(batch) // 2
        return [*self._in_room(batch[:middle]), *self._in_room(batch[middle:])]

    def after(self, ids: np.ndarray) -> torch.Tensor:
        """The logits of what may follow `ids`, int64 `[token]`; fp32 `[vocabulary]`, on the CPU."""
        with memory_errors(f"reading a token with {self._loaded.summary.name}", SMALLER_WINDOW), torch.inference_mode():
            if not self._keeps:
                self._require_logits(len(ids))
            return self._logits(torch.from_numpy(ids)[None].to(self._loaded.device), 1)[0, -1].float().cpu()

    def _require_logits(self, tokens: int) -> None:
        """Raise UserError unless the logits of so many places fit, for a model that gives them all at once."""
        needed = tokens * self._vocabulary * 4
        require_memory(needed, str(self._loaded.device), f"A window of {tokens + 1:,} tokens", SMALLER_WINDOW)

    def _at_once(self, batch: Sequence[Task]) -> list[Noted]:
        """Right padding needs no mask: no token sees what comes after it."""
        device = self._loaded.device
        # The last token of a window is predicted and predicts nothing that is scored.
        lengths = [window.stop - window.start - 1 for _, window in batch]
        inputs = np.zeros((len(batch), max(lengths)), np.int64)
        for row, (ids, window) in enumerate(batch):
            inputs[row, : lengths[row]] = ids[window.start : window.stop - 1]
        # Logits are kept from the earliest place that any window of the batch scores from.
        earliest = min(window.first - 1 - window.start for _, window in batch)
        keep = max(lengths) - earliest
        logits = self._logits(torch.from_numpy(inputs).to(device), keep)
        noted = []
        for row, (ids, window) in enumerate(batch):
            start = window.first - 1 - window.start - earliest
            rows = logits[row, start : start + window.last - window.first]
            noted.append(note(rows, torch.from_numpy(ids[window.first : window.last]).to(device)))
        return noted

    def _logits(self, inputs: torch.Tensor, keep: int, **more: Any) -> torch.Tensor:
        """The last `keep` places' logits, `[row, place, vocabulary]`."""
        arguments = {"use_cache": False, **more}
        if self._keeps:
            arguments["logits_to_keep"] = keep
        return self._loaded.model(input_ids=inputs, return_dict=True, **arguments).logits[:, -keep:]

    def _in_segments(self, ids: np.ndarray, window: Window) -> Noted:
        """One window whose logits are too many: its keys and values are cached, and it is read in segments."""
        device, step = self._loaded.device, self._room.rows
        if self._room.tight:
            step = min(step, self._room.tokens)
        stop = window.stop - 1
        if not self._cached:
            self._require_logits(stop - window.start)
            return self._at_once([(ids, window)])[0]
        cache = DynamicCache(config=self._loaded.model.config.get_text_config(decoder=True))
        parts = []
        at = window.start
        while at < stop:
            # What is before the first scored token needs no logits; the last of it predicts the first one.
            context = window.first - 1 if not self._room.tight else min(window.first - 1, at + self._room.tokens)
            end = min(max(at + step, context), stop)
            inputs = torch.from_numpy(ids[None, at:end]).to(device)
            keep = max(1, end - max(at, window.first - 1))
            more: dict[str, Any] = {"past_key_values": cache, "use_cache": True}
            if self._positions:
                more["position_ids"] = torch.arange(at - window.start, end - window.start, device=device)[None]
            logits = self._logits(inputs, keep, **more)[0]
            if end > window.first - 1:
                first = end - keep + 1
                parts.append(note(logits, torch.from_numpy(ids[first : end + 1]).to(device)))
            at = end
        return Noted.joined(parts)


def check_finite(name: str, noted: Noted, ids: np.ndarray, first: int, tokenizer: Any) -> None:
    """Raise UserError naming the first token whose surprisal is not a number. `ids` are those scored, the first of
    which is token `first` of its record."""
    broken = np.flatnonzero(np.isnan(noted.nats))
    if broken.size:
        place = int(broken[0])
        text = tokenizer.decode([int(ids[place])])
        raise UserError(
            f"{name} gives no probability (NaN) for token {first + place:,}, “{text}”.",
            "Open it with precision fp32; if it stays so, the checkpoint's weights are broken.",
        )
