"""The sizes and facts of a loaded model, gathered once for the window."""

from __future__ import annotations

from typing import Any

import torch

from app.engine.models.adapters import beneath
from app.engine.models.classes import answer_of, labels_of
from app.engine.models.kinds import ENCODER
from app.engine.models.parts import Anatomy
from app.engine.models.records import Adapter, ModelSummary

_PRECISIONS = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}


def summarise(
    ref: str, name: str, kind: str, model: Any, tokenizer: Any, anatomy: Anatomy, adapter: Adapter | None = None
) -> ModelSummary:
    """Everything about the model that does not need its weights any more."""
    config = model.config.get_text_config()
    two = len(anatomy.stacks) > 1
    heads = (getattr(config, "decoder_attention_heads", None) if two else None) or _known(config, "num_attention_heads")
    encoder_heads = getattr(config, "encoder_attention_heads", None) or _known(config, "num_attention_heads")
    width = _known(config, "hidden_size")
    last = next((parts.mlp_last for parts in anatomy.blocks if parts.mlp_last), "")
    answer = answer_of(model, kind)
    return ModelSummary(
        ref=ref,
        name=name,
        family=config.model_type,
        architecture=type(model).__name__,
        kind=kind,
        parameters=model.num_parameters(),
        block_parameters=tuple(
            sum(parameter.numel() for parameter in model.get_submodule(parts.block).parameters())
            for parts in anatomy.blocks
        ),
        precision=_PRECISIONS.get(model.dtype, str(model.dtype).removeprefix("torch.")),
        device=str(model.device),
        context=_context(model, config, anatomy),
        vocabulary=model.get_input_embeddings().weight.shape[0],
        layers=len(anatomy.blocks),
        heads=heads,
        kv_heads=getattr(config, "num_key_value_heads", None) or heads,
        width=width,
        head_dim=getattr(config, "head_dim", None) or getattr(config, "d_kv", None) or width // max(heads, 1),
        mlp_width=_input_width(beneath(model.get_submodule(last))) if last else None,
        position=anatomy.position_kind,
        encoder_layers=len(anatomy.stacks[0].blocks) if two else 0,
        encoder_heads=encoder_heads if two else 0,
        answer=answer,
        labels=labels_of(model.config) if answer == "class" else (),
        next_sentence=hasattr(getattr(model, "cls", None), "seq_relationship"),
        norm=_norm_of(model, anatomy),
        mask_token=tokenizer.mask_token or "" if answer == "masked token" else "",
        takes_pair=kind == ENCODER,
        adapter_of=adapter.base if adapter is not None else "",
        adapter=adapter,
    )


def _norm_of(model: Any, anatomy: Anatomy) -> str:
    """T5's "LayerNorm" subtracts no mean either (Raffel et al. 2020, section 2.1)."""
    parts = anatomy.blocks[0]
    path = parts.first_norm or parts.second_norm or parts.attention_norm_after or anatomy.final_norm
    name = type(beneath(model.get_submodule(path))).__name__ if path else ""
    return "RMS norm" if "RMS" in name or name.startswith(("T5", "MT5", "UMT5", "Switch")) else "Layer norm"


def _known(config: Any, name: str) -> int:
    """A size by its usual name; 0 where the family has no such thing."""
    return int(getattr(config, name, 0) or 0)


def _context(model: Any, config: Any, anatomy: Anatomy) -> int | None:
    """How many tokens have positions. RoBERTa's table begins after the padding's row, OPT's and BART's after two."""
    named = getattr(config, "max_position_embeddings", None)
    if anatomy.position:
        table = beneath(model.get_submodule(anatomy.position))
        rows, padding = getattr(table, "num_embeddings", None), getattr(table, "padding_idx", None)
        if rows is not None and padding is not None and rows == named:
            return int(rows - padding - 1)
    return named


def _input_width(projection: Any) -> int | None:
    """Rows of a projection's input: transformers' Conv1D stores `[in, out]`, a Linear `[out, in]`."""
    return getattr(projection, "nx", None) or getattr(projection, "in_features", None)
