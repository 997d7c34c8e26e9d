"""Putting an adapter into a model, so that the model stays the class it was, and switching it off and on.

peft replaces the layers that an adapter changes by ones that hold the old layer and the adapter's tensors. They stand
at the same places in the module tree, so what is known of the base's parts holds for the model with its adapter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from app.engine.errors import UserError
from app.engine.models.adapter_folder import CONFIG, PREFIX, WEIGHTS, stored_shapes
from app.engine.models.memory import memory_errors
from app.engine.models.records import Adapter

_NAME = "default"
"""How peft calls an adapter that was given no name."""
_WHOSE = "Use the model that the adapter was trained on."


class AdapterSwitch:
    """Switches the adapter of one model off and on. It does not keep the model alive."""

    def __init__(self, others: list[tuple[nn.Parameter, torch.Tensor]]) -> None:
        self._others = others
        """Parameters of the base that the adapter brought anew, with the values they do not have now."""

    def turn(self, model: nn.Module, active: bool) -> None:
        """Off is the base bit for bit; to be called only when it is the other way round."""
        for layer in adapted_layers(model):
            layer.enable_adapters(active)
        for place, (parameter, other) in enumerate(self._others):
            self._others[place] = (parameter, parameter.data)
            parameter.data = other


def adapted_layers(model: nn.Module) -> Iterator[Any]:
    """The layers of peft in a model."""
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    return (part for part in model.modules() if isinstance(part, BaseTunerLayer | AuxiliaryTrainingWrapper))


def beneath(module: Any) -> Any:
    """The model's own layer where an adapter's stands in its place, else the module itself."""
    for name in ("base_layer", "original_module"):
        if (inner := getattr(module, name, None)) is not None:
            return beneath(inner)
    return module


def fit_embeddings(model: Any, adapter: Adapter) -> Adapter:
    """Give the base as many rows of embeddings as the adapter has stored, which is more where it added tokens.

    Raises UserError where it stored one of two tables only: the other's new rows would be random.
    """
    shapes = stored_shapes(Path(adapter.folder))
    tables = [table for table in (model.get_input_embeddings(), model.get_output_embeddings()) if table is not None]
    rows = tables[0].weight.shape[0]
    names = [next(name for name, part in model.named_modules() if part is table) for table in tables]
    stored = [shapes.get(f"{name}.weight", shapes.get(f"{name}.base_layer.weight")) for name in names]
    wanted = next((shape[0] for shape in stored if shape is not None and shape[0] != rows), rows)
    if wanted == rows:
        return adapter
    tied = len({id(table.weight) for table in tables}) == 1
    if not (any if tied else all)(shape is not None and shape[0] == wanted for shape in stored):
        raise UserError(
            f"The adapter in {adapter.folder} was trained with {wanted:,} tokens, its base has {rows:,}, and it brings "
            "only one of the two tables that say what a token is; the other would be random.",
            "Save it again with save_embedding_layers=True.",
        )
    model.resize_token_embeddings(wanted, mean_resizing=False)
    why = f"it knows {wanted:,} tokens and its base {rows:,}"
    return replace(adapter, tokens=wanted, always_on=why)


def attach(model: Any, adapter: Adapter) -> AdapterSwitch:
    """Put the adapter into the model and switch it on. Raises UserError where the two do not fit."""
    from peft import PeftConfig
    from peft.functional import cast_adapter_dtype, inject_adapter_in_model, set_peft_model_state_dict

    folder = Path(adapter.folder)
    own = dict(model.named_parameters(remove_duplicate=False))
    try:
        with memory_errors(f"the adapter in {folder}", "Close other programs."):
            config = PeftConfig.from_pretrained(str(folder))
            config.inference_mode = True
            stored = {name.removeprefix(PREFIX): tensor for name, tensor in load_file(folder / WEIGHTS).items()}
            before = _written_over(own, stored)
            inject_adapter_in_model(config, model, _NAME)
            # As peft does when it opens an adapter: its numbers are kept in fp32 beside a model of half precision.
            cast_adapter_dtype(model, _NAME)
            result: Any = set_peft_model_state_dict(model, stored, _NAME)
    except SafetensorError as error:
        raise UserError(f"{folder / WEIGHTS} could not be read: {error}", "Copy it again.") from error
    except (TypeError, ValueError, KeyError, AttributeError, RuntimeError, IndexError) as error:
        raise _misfit(adapter, _plain(error)) from error
    if result.unexpected_keys:
        count, first = len(result.unexpected_keys), result.unexpected_keys[0]
        raise _misfit(adapter, f"{count} of its tensors have no place in it, for instance {first}")
    lacking = set(result.missing_keys)
    known = {id(parameter) for parameter in own.values()}
    new = [name for name, parameter in model.named_parameters() if id(parameter) not in known and name in lacking]
    if new:
        raise _misfit(adapter, f"{WEIGHTS} lacks {len(new)} tensors that {CONFIG} asks for, for instance {new[0]}")
    model.eval()
    return AdapterSwitch([(parameter, old) for parameter, old in before if not torch.equal(parameter, old)])


def _written_over(
    own: dict[str, nn.Parameter], stored: dict[str, torch.Tensor]
) -> list[tuple[nn.Parameter, torch.Tensor]]:
    """Copies of the base's parameters that the adapter stores too: trained biases, embeddings."""
    names = {name.replace(".base_layer.", ".") for name in stored}
    found = {id(parameter): parameter for name, parameter in own.items() if name in names}
    return [(parameter, parameter.detach().clone()) for parameter in found.values()]


def _plain(error: Exception) -> str:
    """What peft or torch said, in one clause."""
    if "size mismatch" in str(error):
        return "its tensors have other shapes than this model's layers"
    if isinstance(error, KeyError):
        return f"{WEIGHTS} lacks {error.args[0]}"
    return str(error).strip().partition("\n")[0].rstrip(".")


def _misfit(adapter: Adapter, words: str) -> UserError:
    return UserError(f"The adapter in {adapter.folder} does not fit its base “{adapter.base}”: {words}.", _WHOSE)
