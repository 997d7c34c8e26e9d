"""A model's parts by role: the module tree is the truth, roles are labels on it.

Families name the same part differently (`ln_1`, `input_layernorm`, `self_attn_layer_norm`) and put norms in different
places. Blocks and attentions are found by what kind of module they are, norms by the tensors that pass them in one
short run, so a new family needs no row of its own.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import nn

from app.engine.errors import UserError
from app.engine.models.dataflow import Flow, Flows, same_tensor, watch
from app.engine.models.parts import Anatomy, BlockParts, Stack

_CROSS = re.compile(r"encoder_attn|EncDecAttention|cross_?attn|cross_?attention", re.IGNORECASE)
_ATTENTION = re.compile(r"Attention|Attn")
_MLP = (
    "mlp",
    "ffn",
    "feed_forward",
    "block_sparse_moe",
    "layer.1.DenseReluDense",
    "layer.2.DenseReluDense",
    "layer.1.mlp",
    "layer.2.mlp",
)
_MLP_LAST = (
    "mlp.c_proj",
    "mlp.down_proj",
    "mlp.fc2",
    "mlp.dense_4h_to_h",
    "mlp.fc_out",
    "mlp.Wo",
    "fc2",
    "ffn.lin2",
    "ffn.down_proj",
    "ffn.2",
    "ffn_output",
    "feed_forward.down_proj",
    "feed_forward.w2",
    "layer.1.DenseReluDense.wo",
    "layer.2.DenseReluDense.wo",
    "output.dense",
)
_ROUTERS = ("gate", "router.classifier", "router.layer", "router")
_POSITIONS = re.compile(r"(^|\.)(wpe|embed_positions|position_embeddings|positions_embed)$")


def find_anatomy(model: Any, inputs: dict[str, torch.Tensor]) -> Anatomy:
    """Find the parts of a transformers model by looking at its modules and at one run on the few tokens of `inputs`.

    Raises UserError when no blocks are found.
    """
    lists = _block_lists(model)
    if not lists:
        raise UserError(
            f"Unembed does not know where {type(model).__name__} keeps its blocks.",
            "Open a model of another family, for instance GPT-2, OPT, Llama, Qwen, Gemma, BERT, BART or T5.",
        )
    two = bool(model.config.is_encoder_decoder) and len(lists) > 1
    chosen = [path for path in lists if "encoder" in path.split(".")][:1] if two else []
    chosen += [path for path in lists if "decoder" in path.split(".")][:1] if two else lists[:1]
    roots = [f"{path.rpartition('.')[0]}." for path in chosen] if two else [""]
    watched = [name for name, _ in model.named_modules() if name and any(name.startswith(root) for root in roots)]
    flows, order = watch(model, watched, inputs)
    prefixes = ("encoder.", "decoder.") if len(chosen) > 1 else ("",)
    stacks: list[Stack] = []
    for prefix, path in zip(prefixes, chosen, strict=True):
        stacks.append(_stack(model, prefix, path, flows, order, stacks[0] if stacks else None))
    return Anatomy(tuple(stacks), _unembedding(model))


# Blocks


def _block_lists(model: nn.Module) -> list[str]:
    """Outermost lists of modules that attend; of a model that never attends the longest list."""
    lists = [(name, part) for name, part in model.named_modules() if isinstance(part, nn.ModuleList) and len(part)]
    found: list[str] = []
    for name, part in lists:
        inside = any(name.startswith(f"{other}.") for other in found)
        if not inside and any(_attentions(block) for block in part):
            found.append(name)
    if found:
        return found
    longest = max(lists, key=lambda entry: len(entry[1]), default=None)
    return [longest[0]] if longest else []


def _attentions(block: nn.Module) -> list[str]:
    """Names in `block` of the innermost attention modules."""
    names = [name for name, part in block.named_modules() if _ATTENTION.search(type(part).__name__)]
    inner = [
        name
        for name in names
        if not any(other.startswith(f"{name}." if name else "") for other in names if other != name)
    ]
    return [name for name in inner if any(True for _ in block.get_submodule(name).parameters())]


def _stack(model: Any, prefix: str, path: str, flows: Flows, order: list[str], before: Stack | None) -> Stack:
    root = path.rpartition(".")[0]
    # ALBERT keeps groups of layers, and calls each several times.
    if path.endswith("albert_layer_groups"):
        steps = [name for name in order if re.fullmatch(rf"{re.escape(path)}\.\d+\.albert_layers\.\d+", name)]
        calls = [(name, steps[:place].count(name)) for place, name in enumerate(steps)]
        root = root.rpartition(".")[0]
    else:
        calls = [(f"{path}.{index}", 0) for index in range(len(model.get_submodule(path)))]
    blocks = tuple(_block(model, name, call, flows) for name, call in calls)
    first = calls[0][0]
    within = f"{root}." if prefix else ""
    outside = [name for name in flows if name.startswith(within) and not name.startswith((f"{path}.",))]
    embed = _embedding(model, root, prefix)
    shared = before is not None and model.get_submodule(embed) is model.get_submodule(before.embed)
    position, kind = _position(model, outside)
    entry = flows[first][0].given if first in flows else None
    leaving = flows[calls[-1][0]][-1].made if calls[-1][0] in flows else None
    norms = [name for name in outside if _norm_like(model.get_submodule(name))]
    return Stack(
        prefix=prefix,
        embed=embed,
        embed_call=1 if shared else 0,
        position=position,
        position_kind=kind,
        types=next((name for name in outside if name.endswith("token_type_embeddings")), ""),
        rotary=next((name for name in outside if "Rotary" in type(model.get_submodule(name)).__name__), ""),
        bias=next((name for name in flows if name.startswith(within) and name.endswith("relative_attention_bias")), ""),
        embed_norm=next((name for name in norms if flows[name][0].gave(entry)), ""),
        blocks=blocks,
        final_norm=next((name for name in norms if flows[name][-1].took(leaving)), ""),
    )


def _block(model: Any, path: str, call: int, flows: Flows) -> BlockParts:
    """The parts of the block at `path` in its call number `call`."""
    look = _Look(model.get_submodule(path), path, call, flows)
    attentions = _attentions(look.block)
    own = next((name for name in attentions if name and not _CROSS.search(name)), "")
    cross = next((name for name in attentions if _CROSS.search(name)), "")
    mlp, last = look.first(_MLP), look.first(_MLP_LAST)
    several = mlp if mlp and isinstance(look.block.get_submodule(mlp), nn.ModuleList) else ""
    if several:
        mlp = last = ""
    into_mlp = mlp or look.first(("intermediate.dense", "fc1"))
    if last == "ffn_output":
        mlp, into_mlp = "", "ffn"
    out = (look.first((f"{own.removesuffix('self')}output.dense",)) or own) if own.endswith(".self") else own
    norms = [name for name in look.norms() if not any(name.startswith(f"{part}.") for part in (own, cross) if part)]
    if ending := next((name for name in look.norms() if own and look.at(name).gave(look.at(own).made)), ""):
        # ALBERT's attention adds the stream and norms the sum itself.
        norms.insert(0, ending)
        out = look.last_linear(own)
    attending, feeding = look.at(own).given, look.at(into_mlp).given
    before = next((name for name in norms if look.at(name).gave(attending)), "")
    to_mlp = next((name for name in norms if look.at(name).gave(feeding)), "")
    to_cross = next((name for name in norms if cross and look.at(name).gave(look.at(cross).given)), "")
    if own and look.at(to_mlp).took(look.at(own).made):
        # BLOOM's attention adds the stream itself; its projection alone is what it writes.
        out = look.last_linear(own)
    if mlp and look.at("").made is not None and look.at(mlp).gave(look.at("").made):
        # So do the feed-forwards of BLOOM and MPT.
        mlp = ""
    after_attention = next(
        (name for name in norms if name not in (to_mlp, to_cross) and look.at(name).took(look.at(out).made)), ""
    )
    after_mlp = next((name for name in norms if look.at(name).took(look.at(mlp or last).made)), "")
    parallel = bool(own) and (bool(to_mlp) and (to_mlp == before or look.at(to_mlp).took(look.at("").given)))
    parallel = parallel or (bool(own) and not before and same_tensor(feeding, attending))
    norm_first = bool(before) or bool(after_attention) or not same_tensor(attending, look.at("").given)
    first, second, crossing = before, "" if to_mlp == before else to_mlp, to_cross
    if not norm_first:
        # Norms stand after the additions: each feeds what comes next, and the last one makes the block's output.
        ending = next((name for name in reversed(norms) if look.at(name).gave(look.at("").made)), "")
        first, second, crossing = to_cross or to_mlp, ending, to_mlp if cross else ""
    router = look.first(tuple(f"{mlp}.{name}" for name in _ROUTERS)) if mlp else ""
    names = dict(
        attention=own,
        attention_out=out,
        first_norm=first,
        second_norm=second,
        attention_norm_after=after_attention,
        mlp_norm_after=after_mlp if norm_first else "",
        mlp=mlp,
        mlp_last="" if router else last,
        cross=cross,
        cross_norm=crossing,
        router=router,
        several=several,
    )
    full = {role: f"{path}.{name}" if name else "" for role, name in names.items()}
    return BlockParts(block=path, parallel=parallel, norm_first=norm_first, call=call, **full)


class _Look:
    """One block and what one call of it did."""

    def __init__(self, block: nn.Module, path: str, call: int, flows: Flows) -> None:
        self.block, self._path, self._call, self._flows = block, path, call, flows

    def at(self, name: str) -> Flow:
        """What the part called `name` took and gave; of the block itself for ''."""
        calls = self._flows.get(f"{self._path}.{name}" if name else self._path, [])
        return calls[min(self._call, len(calls) - 1)] if calls else Flow(None, None)

    def first(self, names: tuple[str, ...]) -> str:
        """The first of these parts that the block has, '' when it has none."""
        return next((name for name in names if _has(self.block, name)), "")

    def norms(self) -> list[str]:
        """Its norms, in the order of the module tree."""
        return [name for name, part in self.block.named_modules() if name and _norm_like(part)]

    def last_linear(self, name: str) -> str:
        """The last projection inside a part."""
        inside = [(child, part) for child, part in self.block.get_submodule(name).named_modules() if child]
        return next((f"{name}.{child}" for child, part in reversed(inside) if isinstance(part, nn.Linear)), name)


# What stands around the blocks


def _embedding(model: Any, root: str, prefix: str) -> str:
    if prefix and _has(model, f"{root}.embed_tokens"):
        return f"{root}.embed_tokens"
    return _name_of(model, model.get_input_embeddings())


def _position(model: Any, outside: list[str]) -> tuple[str, str]:
    """The module that adds positions, '' for none, and in words how positions enter."""
    config = model.config.get_text_config()
    table = next((name for name in outside if _POSITIONS.search(name)), "")
    biased = any(name.endswith("relative_attention_bias") for name, _ in model.named_modules())
    relative = "relative bias" if biased else ""
    if any(name.endswith("rel_embeddings.weight") for name, _ in model.named_parameters()):
        relative = "relative embeddings"
    if table and config.model_type != "roformer":
        sines = "Sinusoid" in type(model.get_submodule(table)).__name__
        kind = "sinusoid" if sines else "learned table"
        return table, f"{kind} and {relative}" if relative else kind
    classes = {type(part).__name__ for _, part in model.named_modules()}
    if any("Rotary" in name for name in classes) or table or getattr(config, "rotary_dim", None):
        return "", "ALiBi" if getattr(config, "alibi", False) else "rotary"
    if relative:
        return "", relative
    if any(name.endswith("r_r_bias") for name, _ in model.named_parameters()):
        return "", "relative sinusoid"
    if config.model_type in ("bloom", "mpt"):
        return "", "ALiBi"
    return "", "sinusoid" if config.model_type == "ctrl" else "none"


def _unembedding(model: Any) -> str:
    head = model.get_output_embeddings()
    return _name_of(model, head) if head is not None else ""


def _has(root: nn.Module, path: str) -> bool:
    node: Any = root
    for part in path.split("."):
        node = getattr(node, part, None)
        if node is None:
            return False
    return isinstance(node, nn.Module)


def _name_of(model: nn.Module, module: nn.Module | None) -> str:
    return next((name for name, part in model.named_modules() if part is module), "")


def _norm_like(part: nn.Module) -> bool:
    return "norm" in type(part).__name__.lower() and not any(True for _ in part.children())
