"""The module tree of a loaded model, in records that the window can show."""

from __future__ import annotations

from typing import Any

from app.engine.models.adapters import beneath
from app.engine.models.loaded import LoadedModel
from app.engine.models.parts import Anatomy
from app.engine.models.records import ModuleRow


def module_rows(loaded: LoadedModel) -> tuple[ModuleRow, ...]:
    """Every module in the order of `named_modules()`, the model itself first.

    A tensor that several modules share (tied embeddings) counts where it stands first; the others say whose it is.
    """
    model = loaded.model
    roles = _roles(loaded.anatomy)
    owners: dict[int, str] = {}
    own: dict[str, int] = {}
    rows = []
    for path, module in model.named_modules(remove_duplicate=False):
        shares, count = "", 0
        tensors = []
        for name, tensor in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
            tensors.append((name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")))
            owner = owners.setdefault(id(tensor), f"{path}.{name}")
            if owner != f"{path}.{name}":
                shares = owner
            elif tensor in _Parameters(module):
                count += tensor.numel()
        own[path] = count
        if module is not beneath(module):
            roles.setdefault(path, "with adapter")
        rows.append((path, type(module).__name__, tuple(tensors), shares))
    totals = dict.fromkeys(own, 0)
    for path, count in own.items():
        pieces = path.split(".") if path else []
        for end in range(len(pieces) + 1):
            totals[".".join(pieces[:end])] += count
    return tuple(
        ModuleRow(path, kind, roles.get(path, ""), tensors, totals[path], shares)
        for path, kind, tensors, shares in rows
    )


class _Parameters:
    """The module's own parameters by identity: tensors compare element by element otherwise."""

    def __init__(self, module: Any) -> None:
        self._ids = {id(parameter) for parameter in module.parameters(recurse=False)}

    def __contains__(self, tensor: Any) -> bool:
        return id(tensor) in self._ids


def _roles(anatomy: Anatomy) -> dict[str, str]:
    roles = {anatomy.unembed: "unembedding"}
    for stack in anatomy.stacks:
        whose = f"{stack.prefix.removesuffix('.')} " if stack.prefix else ""
        roles |= {
            stack.embed: "token embedding" if stack.embed_call or not whose else f"{whose}token embedding",
            stack.position: f"{whose}position embedding",
            stack.types: "segment embedding",
            stack.embed_norm: f"{whose}norm of the embeddings",
            stack.final_norm: f"{whose}final norm",
        }
        for index, parts in enumerate(stack.blocks):
            roles |= {
                parts.block: f"{whose}block {index}",
                parts.attention: "attention",
                parts.cross: "cross-attention",
                parts.first_norm: "norm before attention" if parts.norm_first else "norm after attention",
                parts.second_norm: "norm before feed-forward" if parts.norm_first else "norm after feed-forward",
                parts.cross_norm: "norm before cross-attention" if parts.norm_first else "norm after cross-attention",
                parts.attention_norm_after: "norm of the attention's output",
                parts.mlp_norm_after: "norm of the feed-forward's output",
                parts.mlp: "feed-forward",
                parts.router: "router",
            }
    roles.pop("", None)
    return roles
