"""The model with its cache: ids in, the next token's logits out. Nothing is kept on the model between calls."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache, EncoderDecoderCache
from transformers.generation.utils import GenerationMixin

from app.engine.decode.prompt import Prompt


class CachedForward:
    """Calls a model as `generate()` calls it, so that its logits are the same: same cache, positions, no mask.

    Gradients are off only inside a call: a generator that yields under `no_grad` would turn them off for its caller.
    """

    def __init__(self, model: Any, prompt: Prompt) -> None:
        self._model = model
        self._device = model.get_input_embeddings().weight.device
        self._encoder_ids = prompt.encoder_ids
        plain = model.get_base_model() if hasattr(model, "get_base_model") else model
        accepted = inspect.signature(plain.forward).parameters
        self._positions = "position_ids" in accepted and prompt.encoder_ids is None
        self._common = type(model).prepare_inputs_for_generation is GenerationMixin.prepare_inputs_for_generation
        self._cached = plain._supports_default_dynamic_cache()
        # State-space families name it so; transformers tells them apart by the class name too.
        self._cache_name = "cache_params" if "mamba" in type(plain).__name__.lower() else "past_key_values"
        self._arguments: dict[str, Any] = {"use_cache": self._cached}
        if "logits_to_keep" in accepted:
            self._arguments["logits_to_keep"] = 1
        if self._cached:
            self._arguments[self._cache_name] = self._new_cache()
        self._past = 0

    @torch.inference_mode()
    def __call__(self, ids: np.ndarray) -> torch.Tensor:
        """float32 `[vocabulary]` on the CPU, raw, for the token after `ids`, int64 `[token]`.

        Each call's ids are the last call's and one more; only those not seen yet go through the model.
        """
        if self._encoder_ids is not None and not self._past:
            source = torch.tensor([self._encoder_ids], device=self._device)
            self._arguments["encoder_outputs"] = self._model.get_encoder()(input_ids=source, return_dict=True)
        outputs = self._model(**self._inputs(ids), return_dict=True)
        if self._cached:
            self._past = len(ids)
            if self._cache_name in outputs:
                self._arguments[self._cache_name] = outputs[self._cache_name]
        logits = outputs.logits[0, -1].to("cpu", torch.float32, copy=True)
        # Through numpy it is an ordinary tensor again, which the stages may use outside inference mode.
        return torch.from_numpy(logits.numpy())

    def _inputs(self, ids: np.ndarray) -> dict[str, Any]:
        if self._common and self._cached:
            # What the common `prepare_inputs_for_generation` comes to for one text without padding, without its cost.
            inputs = dict(self._arguments)
            name = "input_ids" if self._encoder_ids is None else "decoder_input_ids"
            inputs[name] = torch.from_numpy(ids[self._past :])[None].to(self._device)
            if self._positions:
                inputs["position_ids"] = torch.arange(self._past, len(ids), device=self._device)[None]
            return inputs
        more: dict[str, Any] = dict(self._arguments)
        if self._positions:
            more["position_ids"] = torch.arange(len(ids), device=self._device)[None]
        return self._model.prepare_inputs_for_generation(
            torch.from_numpy(ids)[None].to(self._device),
            next_sequence_length=1 if self._past else None,
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
