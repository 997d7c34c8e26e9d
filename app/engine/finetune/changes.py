"""How far each weight moved: by an adapter, or from one state of a model to another.

An adapter of LoRA adds ΔW = α/r · B·A to a weight (Hu et al. 2022, "LoRA: Low-Rank Adaptation of Large Language
Models"); of other adapters ΔW is the weight with the adapter put into it less the one without. Norms are Frobenius'.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from app.engine.errors import UserError
from app.engine.finetune.records import WeightChange
from app.engine.finetune.sides import BEFORE, Side
from app.engine.models.adapters import adapted_layers, beneath
from app.engine.models.loaded import LoadedModel
from app.engine.models.memory import memory_errors
from app.engine.models.parts import Anatomy

_CLOSE = "Close other programs."
_TOLD_BY_ITS_OWNER = ".token_adapter"
"""A layer of peft inside another one."""


def weight_changes(loaded: LoadedModel) -> tuple[WeightChange, ...]:
    """What the model's adapter changes, in the order of its modules, whether it is switched on or off.

    Raises UserError for a model without an adapter.
    """
    if loaded.adapter is None:
        raise UserError(
            f"{loaded.summary.name} is no adapter, so there is no change to its weights to show.",
            "Open an adapter's folder, or compare two states of a model.",
        )
    layers = {id(layer) for layer in adapted_layers(loaded.model)}
    changes: dict[int, WeightChange] = {}
    with memory_errors("the changes of the weights", _CLOSE), torch.no_grad():
        for path, module in loaded.model.named_modules():
            if id(module) in layers and not path.endswith(_TOLD_BY_ITS_OWNER):
                for name, delta, weight in _changed(module):
                    whole = path.replace(".base_layer", "") + name
                    # Tied weights stand in several modules; they are changed once.
                    changes.setdefault(weight.data_ptr(), _change(whole, delta, weight, loaded.anatomy))
        others = [_change(name, delta, weight, loaded.anatomy) for name, delta, weight in _written_over(loaded)]
    return (*changes.values(), *others)


def weight_changes_between(
    first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor], anatomy: Anatomy
) -> tuple[WeightChange, ...]:
    """What a full finetune changed: the parameters that both states of a model have by name, in the first's order.

    `anatomy` is the model's, for the blocks. Raises UserError where the states are not of one model.
    """
    shared = [name for name, tensor in first.items() if name in second and tensor.is_floating_point()]
    if not shared:
        raise UserError("The two states have no tensor of the same name.", "Compare two states of one model.")
    seen: set[tuple[int, int]] = set()
    found = []
    with memory_errors("the changes of the weights", _CLOSE), torch.no_grad():
        for name in shared:
            old, new = first[name], second[name].to(first[name].device)
            if old.shape != new.shape:
                sizes = [" × ".join(f"{size:,}" for size in tensor.shape) for tensor in (old, new)]
                raise UserError(
                    f"“{name}” is {sizes[0]} in the first and {sizes[1]} in the second, so these are not two states "
                    "of one model.",
                    "Compare two states of one model.",
                )
            # Tied tensors stand under several names; they are changed once.
            place = old.data_ptr(), second[name].data_ptr()
            if old.numel() and place not in seen:
                seen.add(place)
                found.append(_change(name, new.float() - old.float(), old, anatomy))
    return tuple(found)


def weights_of(loaded: LoadedModel, adapted_only: bool = False) -> dict[str, torch.Tensor]:
    """The weights with which the model computes now, by the names of its base: an adapter that is on is added to them.

    They are copies, so the model may go on to another state. `adapted_only`: those alone that the adapter changes.
    """
    layers = {id(layer) for layer in adapted_layers(loaded.model)}
    found: dict[str, torch.Tensor] = {}
    inside: list[str] = []
    with memory_errors("the changes of the weights", _CLOSE), torch.no_grad():
        for path, module in loaded.model.named_modules():
            if id(module) in layers and not path.endswith(_TOLD_BY_ITS_OWNER):
                inside.append(f"{path}.")
                for name, delta, weight in _changed(module):
                    whole = path.replace(".base_layer", "") + name
                    found[whole] = weight.detach().float() + delta if loaded.adapter_active else weight.detach().clone()
        if adapted_only:
            return found
        for name, parameter in loaded.model.named_parameters():
            plain = name.replace(".base_layer.", ".").replace(".original_module.", ".")
            adapters_own = plain == name and name.startswith(tuple(inside))
            if plain not in found and not adapters_own:
                found[plain] = parameter.detach().clone()
    return found


def changes_of(first: Side, second: Side) -> tuple[WeightChange, ...]:
    """How far each weight moved from one side to the other; () where the two are of another build."""
    ours, theirs = first.loaded, second.loaded
    if ours is theirs and first.step == BEFORE and ours.adapter is not None:
        # The adapter tells its own changes to the last digit.
        with second.entered():
            return weight_changes(ours)
    alone = ours is theirs and ours.adapter is not None
    states = []
    for side in (first, second):
        with side.entered():
            states.append(weights_of(side.loaded, alone))
    shapes = [{name: tensor.shape for name, tensor in state.items()} for state in states]
    if shapes[0] != shapes[1]:
        return ()
    return tuple(change for change in weight_changes_between(states[0], states[1], ours.anatomy) if change.norm)


def _changed(layer: Any) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    """What an adapter's layer changes: the parameter's name behind the module's path, ΔW, and W."""
    from peft.tuners.lora.layer import LoraLayer

    base = beneath(layer)
    plain = isinstance(layer, LoraLayer) and _active(layer) not in layer.lora_variant
    if hasattr(layer, "modules_to_save"):
        for name, old in base.named_parameters():
            new = layer.modules_to_save[_active(layer)].get_parameter(name)
            yield f".{name}", new.float() - old.float(), old
        return
    name = getattr(layer, "parameter_name", "weight")
    weight = getattr(base, name)
    behind = f".{name}"
    if plain:
        delta = layer.get_delta_weight(_active(layer))
        yield behind, delta.reshape(weight.shape), weight
        return
    # Others turn or scale the weight; peft puts them into a copy, so that the layer's own numbers stay bit for bit.
    merged = copy.deepcopy(getattr(layer, "token_adapter", layer))
    merged.enable_adapters(True)
    merged.merge(adapter_names=[_active(layer)])
    yield behind, getattr(beneath(merged), name).float() - weight.float(), weight


def _active(layer: Any) -> str:
    active = layer.active_adapter
    return active if isinstance(active, str) else active[0]


def _written_over(loaded: LoadedModel) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    """Parameters of the base that the adapter stores anew, such as trained biases: name, change, and as they were."""
    assert loaded.adapter is not None
    if loaded.adapter.always_on:
        return
    states = []
    for active in (False, True):
        with loaded.adapter_set(active):
            states.append({name: parameter.data for name, parameter in loaded.model.named_parameters()})
    for name, old in states[0].items():
        new = states[1][name]
        if new.data_ptr() != old.data_ptr():
            yield name.replace(".base_layer.", "."), new.float() - old.float(), old


def _change(name: str, delta: torch.Tensor, weight: torch.Tensor, anatomy: Anatomy) -> WeightChange:
    path = name.removesuffix(".weight")
    layer, part = _place(path, anatomy)
    norm = float(torch.linalg.vector_norm(delta.float()))
    before = float(torch.linalg.vector_norm(weight.detach().float()))
    relative = norm / before if before else math.inf if norm else 0.0
    return WeightChange(path, layer, part, norm, relative, tuple(weight.shape))


def _place(path: str, anatomy: Anatomy) -> tuple[int | None, str]:
    """The block in which a module stands and its name there; outside the blocks what it is."""
    roles = {anatomy.unembed: "unembedding"}
    for stack in anatomy.stacks:
        for index, parts in enumerate(stack.blocks):
            if path.startswith(f"{parts.block}."):
                return index, stack.prefix + path.removeprefix(f"{parts.block}.")
        whose = f"{stack.prefix.removesuffix('.')} " if stack.prefix else ""
        roles |= {
            stack.embed: "token embedding",
            stack.position: f"{whose}position embedding",
            stack.types: "segment embedding",
            stack.embed_norm: f"{whose}norm of the embeddings",
            stack.final_norm: f"{whose}final norm",
        }
    roles.pop("", None)
    whole = next((module for module in roles if path == module or path.startswith(f"{module}.")), "")
    return None, roles[whole] + path.removeprefix(whole) if whole else path
