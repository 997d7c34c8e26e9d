"""The layers that LoRA can be put beside: which there are, what they do in the model, and what settings name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from app.engine.errors import UserError
from app.engine.finetune.settings import ALL_LINEAR, OUTSIDE, FinetuneSettings

_OUTPUTS = ("o_proj", "out_proj", "c_proj", "o", "dense", "wo", "attn_out", "out_lin")
"""What the projection back is called where it stands inside the attention's module."""


def linear_modules(loaded: Any) -> dict[str, tuple[int, int]]:
    """Every layer that LoRA can be put beside, by its path, with its inputs and outputs; not the output embedding."""
    head = loaded.model.get_output_embeddings()
    found = {}
    for path, module in loaded.model.named_modules():
        if module is head or ".base_layer" in path or ".lora_" in path:
            continue
        shape = _shape_of(module)
        if shape is not None:
            found[path] = shape
    return found


def target_groups(loaded: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The linear layers by their role in a block: ("Q, K, V", names), ("Attention out", …), ("MLP", …), OUTSIDE.

    Every layer is in one group. A name is the end of a path, as peft takes it, and no longer than it takes for it to
    name layers of its own group alone. Roles come from where the layers stand: inside an attention (the one named like
    an output is the projection back, which may also stand beside it), inside a block, or elsewhere.
    """
    groups: dict[str, list[str]] = {name: [] for name in ("Q, K, V", "Attention out", "MLP", OUTSIDE)}
    blocks = [block for stack in loaded.anatomy.stacks for block in stack.blocks]
    attentions = tuple(f"{path}." for block in blocks for path in (block.attention, block.cross) if path)
    # The module that gives the attention's output: the attention itself, or (BERT) the projection beside it.
    outs = tuple(f"{block.attention_out}." for block in blocks if block.attention_out)
    inside = tuple(f"{block.block}." for block in blocks)
    linear = linear_modules(loaded)
    for path, (inputs, outputs) in linear.items():
        within = path.startswith(attentions)
        named_so = path.rpartition(".")[2] in _OUTPUTS and outputs <= inputs
        if (within and named_so) or (not within and f"{path}.".startswith(outs)):
            groups["Attention out"].append(path)
        else:
            groups["Q, K, V" if within else "MLP" if path.startswith(inside) else OUTSIDE].append(path)
    return tuple((role, _ends_of(paths, linear)) for role, paths in groups.items() if paths)


def _ends_of(paths: list[str], every: Iterable[str]) -> tuple[str, ...]:
    """The shortest ends that name these paths and no other."""
    ends: dict[str, None] = {}
    for path in paths:
        parts = path.split(".")
        tails = (".".join(parts[-count:]) for count in range(1, len(parts) + 1))
        ends[next(tail for tail in tails if all(each in paths for each in every if _named(each, (tail,))))] = None
    return tuple(ends)


def _named(path: str, names: Iterable[str]) -> bool:
    """Whether one of the names is the path or its end, as peft reads names."""
    return any(path == name or path.endswith(f".{name}") for name in names)


def targets_of(loaded: Any, settings: FinetuneSettings) -> tuple[str, ...]:
    """The paths that the settings' targets name. Raises UserError where there are none, or the rank is too large."""
    linear = linear_modules(loaded)
    wanted = settings.targets
    if wanted == ALL_LINEAR:
        # Heads beside the language model's (BERT's next sentence) are left out: this loss does not reach them.
        blocks = tuple(f"{block.block}." for stack in loaded.anatomy.stacks for block in stack.blocks)
        found = tuple(path for path in linear if path.startswith(blocks)) or tuple(linear)
    else:
        names = (wanted,) if isinstance(wanted, str) else wanted
        found = tuple(path for path in linear if _named(path, names))
    if not found:
        known = ", ".join(sorted({path.rpartition(".")[2] for path in linear})) or "none"
        raise UserError(
            f"No linear layer of {loaded.summary.name} is called {_words(wanted)}.", f"It has {known}; or “all-linear”."
        )
    narrow = min(found, key=lambda path: min(linear[path]))
    if settings.rank > min(linear[narrow]):
        inputs, outputs = linear[narrow]
        raise UserError(
            f"Rank {settings.rank} is larger than the matrix of {narrow} ({inputs:,} × {outputs:,}).",
            f"Take at most {min(linear[narrow]):,}, or leave that layer out.",
        )
    return found


def _words(targets: str | tuple[str, ...]) -> str:
    return targets if isinstance(targets, str) else " or ".join(targets)


def _shape_of(module: nn.Module) -> tuple[int, int] | None:
    inner: Any = getattr(module, "base_layer", module)
    if isinstance(inner, nn.Linear):
        return inner.in_features, inner.out_features
    if type(inner).__name__ == "Conv1D" and hasattr(inner, "nf"):
        return int(inner.weight.shape[0]), int(inner.nf)
    return None
