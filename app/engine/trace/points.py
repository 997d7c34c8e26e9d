"""Where the named tensors of a run are picked up: module by module, before or after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from app.engine.models.parts import BlockParts, Stack


@dataclass(frozen=True)
class Seen:
    """What a forward hook sees of one module."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Any


_INPUTS = ("_given", "_input")
Read = Callable[[Seen], torch.Tensor | None]


@dataclass(frozen=True)
class Point:
    """One named tensor: `read` of what the module at `path` took and gave, batch still there."""

    name: str
    path: str
    read: Read
    axes: tuple[str, ...] = ("token", "width")
    call: int = 0
    """Which call of the module in a run, where several blocks or stacks share it."""
    without: str = ""
    """Why there is no tensor where `read` finds none."""

    @property
    def plain(self) -> bool:
        """Whether it is just what the module was handed or gave, or the first of that."""
        return getattr(self.read, "__name__", "") in (*_INPUTS, "_output", "_rotary_cos")

    @property
    def reads_input(self) -> bool:
        """Whether it is what the module was handed, not what it gave."""
        return getattr(self.read, "__name__", "") in _INPUTS


def _first(value: Any) -> torch.Tensor:
    return value[0] if isinstance(value, tuple | list) else value


def _output(seen: Seen) -> torch.Tensor:
    return _first(seen.output)


def _rotary_cos(seen: Seen) -> torch.Tensor:
    """The cosines of rotary embeddings; DeepSeek-V2 keeps both as one complex number."""
    made = _first(seen.output)
    return made.real if made.is_complex() else made


def _rotary_sin(seen: Seen) -> torch.Tensor | None:
    if isinstance(seen.output, torch.Tensor) and seen.output.is_complex():
        return seen.output.imag
    return seen.output[1] if isinstance(seen.output, tuple) and len(seen.output) == 2 else None


def _by_head(seen: Seen) -> torch.Tensor:
    """T5's bias comes as `[query, key, head]`; here it is `[batch, head, query, key]`, like the scores it joins."""
    return _output(seen).permute(2, 0, 1)[None]


def _alibi(seen: Seen) -> torch.Tensor | None:
    """What ALiBi adds to the scores, `[batch, head, key]`: the same for every query, for softmax only sees differences.

    Families hand it to each attention as `alibi` or `position_bias`, some made for the longest text: then its end is
    used.
    """
    bias = seen.kwargs.get("alibi", seen.kwargs.get("position_bias"))
    if bias is None:
        return None
    given = seen.args[0] if seen.args else seen.kwargs["hidden_states"]
    return bias.reshape(1, -1, bias.shape[-1])[..., -given.shape[1] :]


def _alibi_slopes(seen: Seen) -> torch.Tensor | None:
    """How much a score rises from one key to the next, `[batch, head]`; None of a single token."""
    bias = _alibi(seen)
    return None if bias is None or bias.shape[-1] < 2 else (bias[..., -1] - bias[..., -2])


def _input(seen: Seen) -> torch.Tensor:
    return seen.args[0] if seen.args else seen.kwargs["hidden_states"]


def _given(seen: Seen) -> torch.Tensor:
    """What a module was handed first, also by name."""
    return _first(seen.args[0]) if seen.args else next(iter(seen.kwargs.values()))


def _experts(seen: Seen) -> torch.Tensor | None:
    """How much each expert's answer counts for each token, `[token, expert]`: 0 for those that were not asked.

    Routers hand over (logits, weights of the chosen, which were chosen), or (which, weights, logits): Switch has the
    one weight of the chosen and a mask of ones, NLLB's mixture weights for all. None for any other.
    """
    made = seen.output
    if not isinstance(made, tuple) or len(made) != 3:
        return None
    if made[2].is_floating_point():
        return made[1] if made[1].shape == made[2].shape else made[0] * made[1]
    if made[1].shape != made[2].shape:
        return None
    whole = torch.zeros(made[0].shape, dtype=made[1].dtype, device=made[1].device)
    return whole.scatter(-1, made[2], made[1])


def _router_probs(function: str) -> Read:
    """The router's own function of the logits of all experts, in float32 as routers compute it."""

    def read(seen: Seen) -> torch.Tensor:
        logits = _output(seen).float()
        return logits.sigmoid() if function == "sigmoid" else logits.softmax(-1)

    return read


def _normed_heads(seen: Seen) -> torch.Tensor:
    """A per-head norm's output as `[batch, head, token, head_dim]`.

    Families call it before or after moving the head axis to the front; the strides of its input, a view of the
    projection's `[token, head, head_dim]`, tell which.
    """
    given = seen.args[0]
    outer, inner = given.stride(1), given.stride(2)
    heads_first = outer < inner or (outer == inner and given.shape[1] == 1)
    return seen.output if heads_first else seen.output.transpose(1, 2)


def _split_heads(start: int, end: int | None, head_dim: int) -> Read:
    def read(seen: Seen) -> torch.Tensor:
        part = seen.output[..., start:end]
        return part.unflatten(-1, (-1, head_dim)).transpose(1, 2)

    return read


def _interleaved(which: int, head_dim: int) -> Read:
    """GPT-NeoX: one projection whose output holds q, k and v side by side for each head."""

    def read(seen: Seen) -> torch.Tensor:
        heads = seen.output.unflatten(-1, (-1, 3 * head_dim)).transpose(1, 2)
        return heads[..., which * head_dim : (which + 1) * head_dim]

    return read


def _codegen(which: int, head_dim: int) -> Read:
    """CodeGen: one projection in four parts, each with the q, v and k of a quarter of the heads."""

    def read(seen: Seen) -> torch.Tensor:
        quarters = seen.output.unflatten(-1, (4, 3, -1))[..., which, :]
        return quarters.unflatten(-1, (-1, head_dim)).flatten(2, 3).transpose(1, 2)

    return read


def _before_rotary(model: nn.Module, parts: BlockParts, head_dim: int, heads: int, kv_heads: int) -> dict[str, Point]:
    """q and k as they are before rotary embedding turns them, where the module tree shows them."""
    children = dict(model.get_submodule(parts.attention).named_children())
    axes = ("head", "token", "head_dim")
    found: dict[str, tuple[str, Read]] = {}
    for letter in "qk":
        if norm := next((name for name in (f"{letter}_norm", f"{letter}_layernorm") if name in children), None):
            found[letter] = (norm, _normed_heads)
        elif f"{letter}_proj" in children:
            found[letter] = (f"{letter}_proj", _split_heads(0, None, head_dim))
    if "qkv_proj" in children and type(model.get_submodule(parts.attention)).__name__.startswith("CodeGen"):
        found["q"], found["k"] = ("qkv_proj", _codegen(0, head_dim)), ("qkv_proj", _codegen(2, head_dim))
    elif "qkv_proj" in children:
        split, end = heads * head_dim, (heads + kv_heads) * head_dim
        found["q"] = ("qkv_proj", _split_heads(0, split, head_dim))
        found["k"] = ("qkv_proj", _split_heads(split, end, head_dim))
    if "query_key_value" in children:
        found["q"] = ("query_key_value", _interleaved(0, head_dim))
        found["k"] = ("query_key_value", _interleaved(1, head_dim))
    return {
        letter: Point(f"attn.{letter}_pre", f"{parts.attention}.{child}", read, axes)
        for letter, (child, read) in found.items()
    }


def block_points(
    model: nn.Module, stack: Stack, index: int, head_dim: int, heads: int, kv_heads: int, routing: str
) -> tuple[list[Point], dict[str, str]]:
    """The points of one block of a stack, and for each name that this block lacks the reason.

    `routing` is what its router makes of the logits of all experts: "softmax", "sigmoid" or ''.
    """
    parts, rotary = stack.blocks[index], stack.position_kind == "rotary"
    prefix = f"{stack.prefix}blocks.{index}."
    points = [Point("resid_pre", parts.block, _input), Point("resid_post", parts.block, _output)]
    absent: dict[str, str] = {}

    def add(name: str, path: str, read: Read, reason: str, axes: tuple[str, ...] = ("token", "width")) -> None:
        if path:
            points.append(Point(name, path, read, axes, without=reason))
        elif reason:
            absent[prefix + name] = reason

    add("ln1", parts.first_norm, _output, "This block has no norm before attention.")
    add("attn.out", parts.attention_out, _output, "This block has no attention.")
    only_one = "Attention and feed-forward of this block share one norm, named ln1."
    add("ln2", parts.second_norm, _output, only_one if parts.parallel else "This block has no norm here.")
    _add_mlp(parts, routing, add)
    if parts.attention_norm_after:
        points.append(Point("ln1_post", parts.attention_norm_after, _output))
    if parts.mlp_norm_after:
        points.append(Point("ln2_post", parts.mlp_norm_after, _output))
    if parts.cross:
        add("cross.ln", parts.cross_norm, _output, "This block has no norm before cross-attention.")
        points.append(Point("cross.out", parts.cross, _output))
        after = (parts.second_norm or parts.mlp) if parts.norm_first else parts.cross_norm
        add("cross.resid_post", after, _given, "The stream after cross-attention is not seen apart in this family.")
    add("resid_mid", "" if parts.parallel else _middle(parts), _given, _NARROWER if parts.several else _SIDE_BY_SIDE)
    if not parts.norm_first:
        add("resid_sum", parts.second_norm, _given, "")
    before = _before_rotary(model, parts, head_dim, heads, kv_heads) if rotary and parts.attention else {}
    points.extend(before.values())
    for letter in "qk":
        if letter not in before:
            absent[f"{prefix}attn.{letter}_pre"] = (
                "This family's projection does not show it apart."
                if rotary
                else "This family turns nothing by rotary embedding, so attn.q and attn.k are already it."
            )
    return [replace(point, name=prefix + point.name, call=parts.call) for point in points], absent


def _add_mlp(parts: BlockParts, routing: str, add: Callable[..., None]) -> None:
    """The names of a block's feed-forward, of its router and experts where it is a mixture."""
    experts = "The experts of a mixture have hidden layers of their own; mlp.router says which were used."
    single = "This block's feed-forward has no single hidden layer."
    several = f"This block has several feed-forwards one after the other; “{parts.several}” holds them."
    add(
        "mlp.hidden",
        parts.mlp_last,
        _given,
        experts if parts.router else several if parts.several else single,
        ("token", "hidden_unit"),
    )
    add("mlp.router", parts.router, _output, "", ("token", "expert"))
    if parts.router:
        # A router that is made of a projection hands the choice out itself.
        chooses = parts.router.removesuffix(".classifier")
        unsaid = "This family's router does not hand over which experts it chose."
        add("mlp.experts", chooses, _experts, unsaid, ("token", "expert"))
        own = "This family's router makes no probabilities of the logits of all experts; mlp.experts has its weights."
        add("mlp.router_probs", parts.router if routing else "", _router_probs(routing), own, ("token", "expert"))
    none = several if parts.several else "This block has no feed-forward."
    add("mlp.out", parts.mlp or parts.mlp_last, _output, none)


_SIDE_BY_SIDE = "Attention and feed-forward of this block work side by side; there is no stream between them."
_NARROWER = "This block works on a narrower copy of the stream, which joins it only at the block's end."


def _middle(parts: BlockParts) -> str:
    """The module that is handed the stream between attention and what comes next."""
    if not parts.norm_first:
        return parts.first_norm
    return parts.cross_norm or parts.second_norm or parts.mlp


def stack_points(stack: Stack) -> tuple[list[Point], dict[str, str]]:
    """The points outside the blocks, and the names this stack lacks with the reason."""
    prefix = stack.prefix
    points = [Point(f"{prefix}embed", stack.embed, _output, call=stack.embed_call)]
    absent: dict[str, str] = {}
    if stack.position:
        points.append(Point(f"{prefix}pos_embed", stack.position, _output))
    else:
        absent[f"{prefix}pos_embed"] = _NO_TABLE.get(stack.position_kind, _NO_TABLE["none"])
    if stack.rotary:
        axes = ("token", "head_dim")
        points.append(Point(f"{prefix}rotary_cos", stack.rotary, _rotary_cos, axes))
        points.append(Point(f"{prefix}rotary_sin", stack.rotary, _rotary_sin, axes))
    if stack.bias:
        points.append(Point(f"{prefix}position_bias", stack.bias, _by_head, ("head", "query", "key")))
    if stack.position_kind == "ALiBi" and (first := stack.blocks[0]).attention:
        one = "The slopes are read off the step from one key to the next, and a single token has no next."
        points.append(Point(f"{prefix}position_bias", first.attention, _alibi, ("head", "key"), first.call))
        points.append(Point(f"{prefix}alibi_slopes", first.attention, _alibi_slopes, ("head",), first.call, one))
    if stack.types:
        points.append(Point(f"{prefix}type_embed", stack.types, _output))
    if stack.embed_norm:
        points.append(Point(f"{prefix}ln_embed", stack.embed_norm, _output))
    if stack.final_norm:
        points.append(Point(f"{prefix}ln_final", stack.final_norm, _output))
    else:
        absent[f"{prefix}ln_final"] = "This model has no norm after the last block."
    return points, absent


_NO_TABLE = {
    "rotary": "Positions enter as rotary angles inside each attention, not as a table that is added.",
    "ALiBi": "Positions enter as a slope on the scores of each head (ALiBi), not as a table that is added.",
    "relative bias": "Positions enter as a learned bias on the scores, not as a table that is added.",
    "sinusoid": "The sines and cosines are added inside the model; no module of its own gives them.",
    "relative embeddings": "Positions enter inside each attention, as embeddings of the distance (DeBERTa).",
    "relative sinusoid": "Positions enter inside each attention, as sines of the distance (Transformer-XL).",
    "none": "No module that adds positions was found in this model.",
}


def module_point(path: str, given: bool = False) -> Point:
    """The output of any module, addressed by its place in the module tree, or with `given` what it was handed."""
    return Point(f"{path}.input" if given else path, path, _given if given else _output, ())
