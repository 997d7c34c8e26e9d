"""Adapters that peft itself puts into a model and saves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from app.engine.models.catalogue import BUNDLED_FOLDER
from app.engine.models.loaded import LoadedModel
from app.engine.trace.capture import logits_of

STORY = "Once upon a time, there was a little dog named Max."
GPT = BUNDLED_FOLDER / "story-gpt"


def config(**options: Any) -> Any:
    from peft import LoraConfig

    return LoraConfig(**{"r": 8, "lora_alpha": 16, "target_modules": ["c_attn"], "fan_in_fan_out": True, **options})


def save_adapter(folder: Path, base: Any, made: Any, named: str | None = None) -> Path:
    """Put an adapter into `base`, shake what it would train, and let peft save it."""
    from peft import get_peft_model

    model = get_peft_model(base, made)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.05)
    model.save_pretrained(folder)
    if named is not None:
        write(folder, base_model_name_or_path=named)
    return folder


def write(folder: Path, **changes: Any) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def plainly(base: Any, folder: Path) -> Any:
    from peft import PeftModel

    return PeftModel.from_pretrained(base, str(folder)).eval()


def said(model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        logits = logits_of(model(**inputs))
    assert logits is not None
    return logits


def inputs_of(loaded: LoadedModel, text: str = STORY) -> dict[str, torch.Tensor]:
    inputs = dict(loaded.tokenizer(text, return_tensors="pt"))
    if loaded.kind == "encoder-decoder":
        inputs["decoder_input_ids"] = inputs["input_ids"][:, :5]
    return {name: tensor for name, tensor in inputs.items() if name != "token_type_ids"}


def gpt() -> Any:
    return AutoModelForCausalLM.from_pretrained(GPT).eval()
