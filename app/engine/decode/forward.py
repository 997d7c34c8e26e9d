"""The model with its cache: ids in, the next token's logits out. Nothing is kept on the model between calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from copy import copy
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache, EncoderDecoderCache
from transformers.generation.utils import GenerationMixin

from app.engine.decode.prompt import Prompt
from app.engine.decode.step_graph import POSITION, graphed_steps
from app.engine.trace.tap import Recorder, tapped


class CachedForward:
    """Calls a model as `generate()` calls it, so that its logits are the same: same cache, positions, no mask.

    One text, or several of the same length side by side (`rows`). Gradients are off only inside a call: a generator
    that yields under `no_grad` would turn them off for its caller.

    A model may be trained between two calls, or its adapter switched: what the cache holds of other weights than the
    model has is forgotten. `weights` says which those are.
    """

    def __init__(self, model: Any, prompt: Prompt, weights: Callable[[], object] = lambda: None) -> None:
        self._model = model
        self._weights, self._of = weights, weights()
        self._device = model.get_input_embeddings().weight.device
        self._encoder_ids = prompt.encoder_ids
        plain = model.get_base_model() if hasattr(model, "get_base_model") else model
        accepted = inspect.signature(plain.forward).parameters
        self._positions = POSITION in accepted and prompt.encoder_ids is None
        self._common = type(model).prepare_inputs_for_generation is GenerationMixin.prepare_inputs_for_generation
        self._cached = plain._supports_default_dynamic_cache()
        # State-space families name it so; transformers tells them apart by the class name too.
        self._cache_name = "cache_params" if "mamba" in type(plain).__name__.lower() else "past_key_values"
        self._arguments: dict[str, Any] = {"use_cache": self._cached}
        if "logits_to_keep" in accepted:
            self._arguments["logits_to_keep"] = 1
        plainly = self._common and self._cached and prompt.encoder_ids is None
        self._graphed = graphed_steps(model, dict(self._arguments)) if plainly else None
        if self._cached:
            self._arguments[self._cache_name] = self._new_cache()
        self._encoding: Any = None
        """What the encoder made of the source, one row."""
        self._encoded_rows = 0
        self._past = 0
        self._seen = np.zeros((1, 0), dtype=np.int64)
        """The ids that the cache holds."""

    def __call__(self, ids: np.ndarray) -> torch.Tensor:
        """float32 `[vocabulary]` on the CPU, raw, for the token after `ids`, int64 `[token]`.

        Each call's ids are the last call's and one more; only those not seen yet go through the model.
        """
        return self.rows(ids[None])[0]

    @torch.inference_mode()
    def rows(self, ids: np.ndarray, recorder: Recorder | None = None) -> torch.Tensor:
        """float32 `[row, vocabulary]` for several texts at once, int64 `[row, token]`, as `__call__` for one.

        `recorder` hears the attention calls, from a tap in the model or from the graph that takes the step.
        """
        if (now := self._weights()) != self._of:
            self._of = now
            self._forget()
            self._encoding, self._encoded_rows = None, 0
        if self._past and len(self._seen) < len(ids):
            # One text is cached, several go on from it.
            self.select(np.zeros(len(ids), dtype=np.int64))
        if self._encoder_ids is not None and self._encoded_rows != len(ids):
            self._arguments["encoder_outputs"] = self._encoded(len(ids))
        inputs = self._inputs(ids)
        if self._graphed is not None and self._past and ids.shape == (1, self._past + 1):
            changing: dict[str, torch.Tensor] = {
                name: inputs[name] for name in ("input_ids", POSITION) if name in inputs
            }
            cache = self._arguments[self._cache_name]
            every = self._graphed(now, changing, cache, lambda: self._in_python(inputs, recorder), recorder)
        else:
            every = self._in_python(inputs, recorder)
        if self._cached:
            self._past, self._seen = ids.shape[1], ids
        logits = every[:, -1].to("cpu", torch.float32, copy=True)
        # Through numpy it is an ordinary tensor again, which the stages may use outside inference mode.
        return torch.from_numpy(logits.numpy())

    def _in_python(self, inputs: dict[str, Any], recorder: Recorder | None) -> torch.Tensor:
        """The model itself called; its cache is taken over."""
        with tapped(self._model, recorder) if recorder is not None else nullcontext():
            outputs = self._model(**inputs, return_dict=True)
        if self._cached and self._cache_name in outputs:
            self._arguments[self._cache_name] = outputs[self._cache_name]
        return outputs.logits

    def select(self, rows: np.ndarray) -> None:
        """Go on with these rows of the last call, int64 `[row]`, in this order; a row may stand several times."""
        if not self._past:
            return
        chosen = torch.from_numpy(rows).to(self._device)
        cache = self._arguments[self._cache_name]
        with torch.inference_mode():
            if hasattr(self._model, "_reorder_cache"):
                self._arguments[self._cache_name] = self._model._reorder_cache(cache, chosen)
            else:
                cache.reorder_cache(chosen)
        self._seen = self._seen[rows]

    def rewind(self, ids: np.ndarray) -> int:
        """Keep of the cache what holds for the text `ids`, int64 `[token]`; gives the number of tokens it still holds.

        The last token always goes through the model again, since its logits are wanted. A cache that cannot forget its
        end (a sliding window that has slid, a state space) is thrown away whole.
        """
        if not self._cached or not len(self._seen):
            return self._forget()
        shared = [_common(row, ids) for row in self._seen]
        best = int(np.argmax(shared))
        common = shared[best]
        if common == 0:
            return self._forget()
        try:
            if len(shared) > 1:
                self.select(np.array([best], dtype=np.int64))
            if common < self._past:
                with torch.inference_mode():
                    self._arguments[self._cache_name].crop(common - self._past)
        except (RuntimeError, ValueError, AttributeError, NotImplementedError):
            return self._forget()
        self._past, self._seen = common, self._seen[:, :common]
        return self._past

    @property
    def cache_bytes(self) -> int:
        """Memory of the cached keys and values; 0 where the family keeps none."""
        cache = self._arguments.get(self._cache_name)
        parts = [getattr(cache, name, None) for name in ("self_attention_cache", "cross_attention_cache")]
        layers = [layer for part in (cache, *parts) for layer in getattr(part, "layers", ())]
        tensors = [getattr(layer, name, None) for layer in layers for name in ("keys", "values")]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors if isinstance(tensor, torch.Tensor))

    def _forget(self) -> int:
        self._past, self._seen = 0, self._seen[:1, :0]
        if self._cached:
            self._arguments[self._cache_name] = self._new_cache()
        return 0

    def _encoded(self, rows: int) -> Any:
        if self._encoding is None:
            source = torch.tensor([self._encoder_ids], device=self._device)
            self._encoding = self._model.get_encoder()(input_ids=source, return_dict=True)
        self._encoded_rows = rows
        encoded = copy(self._encoding)
        if rows > 1:
            for name, value in encoded.items():
                if isinstance(value, torch.Tensor):
                    encoded[name] = value.repeat_interleave(rows, dim=0)
        return encoded

    def _inputs(self, ids: np.ndarray) -> dict[str, Any]:
        if self._common and self._cached:
            # What the common `prepare_inputs_for_generation` comes to for one text without padding, without its cost.
            inputs = dict(self._arguments)
            name = "input_ids" if self._encoder_ids is None else "decoder_input_ids"
            inputs[name] = torch.from_numpy(ids[:, self._past :]).to(self._device)
            if self._positions:
                inputs[POSITION] = torch.arange(self._past, ids.shape[1], device=self._device)[None]
            return inputs
        more: dict[str, Any] = dict(self._arguments)
        if self._positions:
            more[POSITION] = torch.arange(ids.shape[1], device=self._device)[None]
        return self._model.prepare_inputs_for_generation(
            torch.from_numpy(ids).to(self._device),
            next_sequence_length=ids.shape[1] - self._past if self._past else None,
            attention_mask=None,
            is_first_iteration=not self._past,
            **more,
        )

    def _new_cache(self) -> DynamicCache | EncoderDecoderCache:
        config = self._model.config.get_text_config(decoder=True)
        cache = DynamicCache(config=config)
        if self._encoder_ids is None:
            return cache
        return EncoderDecoderCache(cache, DynamicCache(config=config))


def _common(row: np.ndarray, ids: np.ndarray) -> int:
    """How many tokens of `ids`, its last not counted, a row begins with."""
    length = min(len(row), len(ids) - 1)
    different = np.flatnonzero(row[:length] != ids[:length])
    return int(different[0]) if different.size else length
