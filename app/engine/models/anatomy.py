"""A model's parts by role: the module tree is the truth, roles are labels on it.

Families name the same part differently (`ln_1`, `input_layernorm`, `self_attn_layer_norm`). The parts are found by the
names that the families use, so a new family that borrows a known layout needs no row of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from app.engine.errors import UserError

_BLOCK_LISTS = ("transformer.h", "model.decoder.layers", "model.layers", "gpt_neox.layers")
_FINAL_NORMS = (
    "transformer.ln_f",
    "model.decoder.final_layer_norm",
    "model.norm",
    "model.final_layernorm",
    "gpt_neox.final_layer_norm",
)
_POSITION_TABLES = ("transformer.wpe", "model.decoder.embed_positions")
_ATTENTION = ("attn", "self_attn", "attention")
_FIRST_NORM = ("ln_1", "input_layernorm", "self_attn_layer_norm")
_SECOND_NORM = ("ln_2", "post_attention_layernorm", "final_layer_norm")
_MLP_LAST = ("mlp.c_proj", "mlp.down_proj", "mlp.fc2", "mlp.dense_4h_to_h", "fc2")


@dataclass(frozen=True)
class BlockParts:
    """Qualified module names of one block's parts; '' where the block has no such part."""

    block: str
    attention: str
    first_norm: str
    second_norm: str
    attention_norm_after: str
    """A norm on the attention's output before it joins the residual stream (Gemma 2 and 3)."""
    mlp_norm_after: str
    mlp: str
    """The whole feed-forward; '' where its layers stand in the block itself (OPT)."""
    mlp_last: str
    """The projection back to the residual width: its input is the hidden layer after the activation."""
    parallel: bool
    """Attention and feed-forward read the same residual stream and are added together (Phi, GPT-NeoX)."""
    norm_first: bool
    """False where norms stand after the addition (OPT-350m)."""


@dataclass(frozen=True)
class Anatomy:
    """Qualified module names of the parts of a decoder-only model."""

    embed: str
    position: str
    """The learned position table, '' where positions enter elsewhere."""
    position_kind: str
    """"learned table" or "rotary"."""
    blocks: tuple[BlockParts, ...]
    final_norm: str
    unembed: str


def _has(root: nn.Module, path: str) -> bool:
    node: Any = root
    for part in path.split("."):
        node = getattr(node, part, None)
        if node is None:
            return False
    return isinstance(node, nn.Module)


def _first(root: nn.Module, candidates: tuple[str, ...], prefix: str = "") -> str:
    for candidate in candidates:
        if _has(root, candidate):
            return f"{prefix}{candidate}"
    return ""


def _name_of(model: nn.Module, module: nn.Module | None) -> str:
    return next((name for name, part in model.named_modules() if part is module), "")


def _block_parts(block: nn.Module, path: str, config: Any) -> BlockParts:
    prefix = f"{path}."
    first = _first(block, _FIRST_NORM, prefix)
    second = _first(block, _SECOND_NORM, prefix)
    attention_after = mlp_after = ""
    if _has(block, "pre_feedforward_layernorm"):
        attention_after, second = second, f"{prefix}pre_feedforward_layernorm"
        mlp_after = _first(block, ("post_feedforward_layernorm",), prefix)
    shared = bool(second) and bool(getattr(config, "use_parallel_residual", False))
    return BlockParts(
        block=path,
        attention=_first(block, _ATTENTION, prefix),
        first_norm=first,
        second_norm=second,
        attention_norm_after=attention_after,
        mlp_norm_after=mlp_after,
        mlp=_first(block, ("mlp",), prefix),
        mlp_last=_first(block, _MLP_LAST, prefix),
        parallel=shared or not second,
        norm_first=bool(getattr(config, "do_layer_norm_before", True)),
    )


def decoder_anatomy(model: Any) -> Anatomy:
    """Find the parts of a decoder-only transformers model.

    Raises UserError when the blocks stand where no known family has them.
    """
    blocks_path = _first(model, _BLOCK_LISTS)
    if not blocks_path:
        raise UserError(
            f"Unembed does not know where {type(model).__name__} keeps its blocks.",
            "Open a model of another family, for instance GPT-2, OPT, Llama, Qwen, Mistral, Gemma, Phi or GPT-NeoX.",
        )
    blocks = model.get_submodule(blocks_path)
    position = _first(model, _POSITION_TABLES)
    return Anatomy(
        embed=_name_of(model, model.get_input_embeddings()),
        position=position,
        position_kind="learned table" if position else "rotary",
        blocks=tuple(_block_parts(block, f"{blocks_path}.{index}", model.config) for index, block in enumerate(blocks)),
        final_norm=_first(model, _FINAL_NORMS),
        unembed=_name_of(model, model.get_output_embeddings()),
    )
