"""What of a model is trained: LoRA's matrices put beside its layers, or all its weights. And taking it back."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from app.engine.errors import UserError
from app.engine.finetune.settings import ALL_LINEAR, LORA, FinetuneSettings
from app.engine.finetune.targets import linear_modules, targets_of
from app.engine.models.adapters import AdapterSwitch, beneath
from app.engine.models.records import Adapter

NAME = "default"
"""How peft calls an adapter that was given no name."""
_TASKS = {"decoder": "CAUSAL_LM", "encoder-decoder": "SEQ_2_SEQ_LM"}


def trainable(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """The parameters that are trained, by name, in the order of the model."""
    return [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]


class LoraMethod:
    """Two thin matrices beside each target (Hu et al. 2021, arXiv:2106.09685), through peft."""

    def __init__(self, loaded: Any, settings: FinetuneSettings) -> None:
        self._loaded, self._settings = loaded, settings
        self.targets: tuple[str, ...] = ()
        """The paths of the layers that were changed."""

    def begin(self) -> None:
        """Put the matrices in: A random from the seed, B zero, so that the model is still its base."""
        from peft.functional import inject_adapter_in_model

        loaded, settings = self._loaded, self._settings
        if loaded.adapter is not None:
            raise UserError(
                f"{loaded.summary.name} carries an adapter already.",
                f"Open its base {loaded.summary.adapter_of} to train another, or merge this one first.",
            )
        self.targets = targets_of(loaded, settings)
        self._was = {name: parameter.requires_grad for name, parameter in loaded.model.named_parameters()}
        with _quiet(), torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            inject_adapter_in_model(self.config(), loaded.model, NAME)
        adapter = Adapter(
            folder="",
            base=loaded.summary.ref,
            type="LoRA",
            rank=settings.rank,
            alpha=settings.alpha,
            targets=_names(settings),
            parameters=sum(parameter.numel() for _, parameter in trainable(loaded.model)),
        )
        loaded.take_adapter(adapter, AdapterSwitch([]))

    def config(self) -> Any:
        """peft's own configuration of the adapter."""
        from peft import LoraConfig

        settings, loaded = self._settings, self._loaded
        conv = all(type(beneath(loaded.model.get_submodule(path))).__name__ == "Conv1D" for path in self.targets[:1])
        return LoraConfig(
            r=settings.rank,
            lora_alpha=int(settings.alpha) if settings.alpha == int(settings.alpha) else settings.alpha,  # type: ignore[arg-type]
            lora_dropout=settings.dropout,
            target_modules=self._target_modules(),
            use_rslora=settings.rslora,
            fan_in_fan_out=conv,
            task_type=_TASKS.get(loaded.kind),
            base_model_name_or_path=loaded.summary.ref,
        )

    def _target_modules(self) -> str | list[str]:
        """As short as it can be said: "all-linear" where that is what was chosen, names, or paths."""
        settings = self._settings
        if settings.targets != ALL_LINEAR:
            return [settings.targets] if isinstance(settings.targets, str) else list(settings.targets)
        everything = len(self.targets) == len(linear_modules(self._loaded))
        return ALL_LINEAR if everything else list(self.targets)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The adapter as peft stores it."""
        from peft.functional import get_peft_model_state_dict

        state = get_peft_model_state_dict(self._loaded.model, adapter_name=NAME, save_embedding_layers=False)
        return {f"base_model.model.{name}": tensor.detach().to("cpu").contiguous() for name, tensor in state.items()}

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take back what `tensors` gave."""
        from peft.functional import set_peft_model_state_dict

        state = {name.removeprefix("base_model.model."): tensor for name, tensor in tensors.items()}
        set_peft_model_state_dict(self._loaded.model, state, NAME)

    def undo(self) -> None:
        """The model as it was, layer for layer."""
        detach(self._loaded.model)
        for name, parameter in self._loaded.model.named_parameters():
            parameter.requires_grad_(self._was.get(name, True))
        self._loaded.drop_adapter()


class FullMethod:
    """Every weight is trained. The old ones are kept, in case the run is thrown away."""

    def __init__(self, loaded: Any, settings: FinetuneSettings) -> None:
        del settings
        self._loaded = loaded
        self.targets: tuple[str, ...] = ()

    def begin(self) -> None:
        """Copy what is about to change."""
        if self._loaded.adapter is not None:
            raise UserError(
                f"{self._loaded.summary.name} carries an adapter; its weights are not its own.",
                f"Open {self._loaded.summary.adapter_of}, or merge the adapter first.",
            )
        self._before = {name: parameter.detach().clone() for name, parameter in self._loaded.model.named_parameters()}
        for parameter in self._loaded.model.parameters():
            parameter.requires_grad_(parameter.is_floating_point())

    def tensors(self) -> dict[str, torch.Tensor]:
        """All parameters by name; tied ones once."""
        return {
            name: parameter.detach().to("cpu").contiguous() for name, parameter in self._loaded.model.named_parameters()
        }

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take back what `tensors` gave."""
        with torch.no_grad():
            for name, parameter in self._loaded.model.named_parameters():
                parameter.copy_(tensors[name])

    def undo(self) -> None:
        """The weights as they were."""
        self.load(self._before)


Method = LoraMethod | FullMethod


def method_of(loaded: Any, settings: FinetuneSettings) -> Method:
    """The method that the settings name."""
    return LoraMethod(loaded, settings) if settings.method == LORA else FullMethod(loaded, settings)


def detach(model: nn.Module) -> None:
    """Take peft's layers out: what they held stands in their places again."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for path, module in list(model.named_modules()):
        if isinstance(module, BaseTunerLayer):
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, module.get_base_layer())
    for leftover in ("peft_config", "_hf_peft_config_loaded"):
        if leftover in model.__dict__:
            delattr(model, leftover)


@contextmanager
def training_mode(loaded: Any) -> Iterator[None]:
    """The model with its dropout on and its adapter active for one pass; between passes others look at it."""
    with loaded.adapter_set(True) if loaded.adapter is not None else _nothing():
        loaded.model.train()
        try:
            yield
        finally:
            if loaded.model is not None:
                loaded.model.eval()


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _names(settings: FinetuneSettings) -> tuple[str, ...]:
    return (settings.targets,) if isinstance(settings.targets, str) else settings.targets


@contextmanager
def _quiet() -> Iterator[None]:
    """peft warns of what it mends by itself (fan_in_fan_out of a Conv1D)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield
