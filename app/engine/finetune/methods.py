"""What of a model is trained: LoRA's matrices put beside its layers, or all its weights. And taking it back."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from app.engine.errors import UserError
from app.engine.finetune.run_folder import save_tensors
from app.engine.finetune.settings import ALL_LINEAR, LORA, FinetuneSettings
from app.engine.finetune.targets import linear_modules, targets_of
from app.engine.models.adapter_folder import WEIGHTS
from app.engine.models.adapters import AdapterSwitch, attach, beneath
from app.engine.models.memory import memory_errors, require_memory
from app.engine.models.records import Adapter

NAME = "default"
"""How peft calls an adapter that was given no name."""
ADAM_BYTES = 8
"""What AdamW keeps of every trained number: two means in fp32."""
_LORA_TAKES_LESS = "LoRA takes far less; or open the model in a smaller precision."
_TASKS = {"decoder": "CAUSAL_LM", "encoder-decoder": "SEQ_2_SEQ_LM"}


def trainable(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """The parameters that are trained, by name, in the order of the model."""
    return [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]


class LoraMethod:
    """Two thin matrices beside each target (Hu et al. 2021, arXiv:2106.09685), through peft."""

    file = WEIGHTS
    """What `write` puts the weights into."""

    def __init__(self, loaded: Any, settings: FinetuneSettings, folder: Path | None = None) -> None:
        self._loaded, self._settings, self._folder = loaded, settings, folder
        self.targets: tuple[str, ...] = ()
        """The paths of the layers that were changed."""
        self._aside: tuple[Adapter, Any, bool] | None = None
        """What this run left in the model when it was stopped, the model's summary then, and whether it was on."""

    def begin(self) -> None:
        """Put the matrices in: A random from the seed, B zero, so that the model is still its base.

        The adapter that this very run left is taken out before. Raises UserError where there is another one.
        """
        from peft.functional import inject_adapter_in_model

        loaded, settings = self._loaded, self._settings
        own = left_by(loaded, self._folder)
        if loaded.adapter is not None and not own:
            raise UserError(
                f"{loaded.summary.name} carries an adapter already.",
                f"Open its base {loaded.summary.adapter_of} to train another, or merge this one first.",
            )
        self.targets = targets_of(loaded, settings)
        if own:
            self._put_aside()
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
        loaded.weights_moved()

    def _put_aside(self) -> None:
        loaded = self._loaded
        self._aside = loaded.adapter, loaded.summary, loaded.adapter_active
        detach(loaded.model)
        base = loaded.adapter.base
        loaded.drop_adapter()
        loaded.summary = replace(loaded.summary, ref=base, name=Path(base).name)

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
        self._loaded.weights_moved()

    def write(self, place: Path) -> None:
        """The adapter as `PeftModel.save_pretrained` writes it: adapter_config.json and adapter_model.safetensors."""
        config = self.config()
        config.inference_mode = True
        config.save_pretrained(str(place))
        part = place / f".{WEIGHTS}.part"
        save_tensors(part, self.tensors(), {"format": "pt"})
        part.replace(place / WEIGHTS)

    def undo(self) -> None:
        """The model as it was, layer for layer; with the adapter that this run had left, from its folder."""
        loaded = self._loaded
        detach(loaded.model)
        for name, parameter in loaded.model.named_parameters():
            parameter.requires_grad_(self._was.get(name, True))
        loaded.drop_adapter()
        if self._aside is not None:
            adapter, summary, active = self._aside
            loaded.take_adapter(adapter, attach(loaded.model, adapter))
            loaded.weights_moved()
            loaded.set_adapter_active(active)
            loaded.summary = summary


class FullMethod:
    """Every weight is trained. The old ones are kept, in case the run is thrown away."""

    file = "weights.safetensors"

    def __init__(self, loaded: Any, settings: FinetuneSettings) -> None:
        del settings
        self._loaded = loaded
        self.targets: tuple[str, ...] = ()

    def begin(self) -> None:
        """Copy what is about to change. Raises UserError where there is no room for training."""
        if self._loaded.adapter is not None:
            raise UserError(
                f"{self._loaded.summary.name} carries an adapter; its weights are not its own.",
                f"Open {self._loaded.summary.adapter_of}, or merge the adapter first.",
            )
        parameters, what = list(self._loaded.model.parameters()), f"a full finetune of {self._loaded.summary.name}"
        # The old weights, gradients, and what AdamW keeps.
        needed = sum(each.numel() * (2 * each.element_size() + ADAM_BYTES) for each in parameters)
        require_memory(needed, str(self._loaded.device), f"A{what[1:]}", _LORA_TAKES_LESS)
        self._version = self._loaded.weights_version
        with memory_errors(what, _LORA_TAKES_LESS):
            self._before = {name: each.detach().clone() for name, each in self._loaded.model.named_parameters()}
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
        self._loaded.weights_moved()

    def write(self, place: Path) -> None:
        """All parameters by name, for `load`; as a model for transformers they are written at the end."""
        save_tensors(place / self.file, self.tensors())

    def undo(self) -> None:
        """The weights as they were."""
        self.load(self._before)
        self._loaded.weights_are_back(self._version)


Method = LoraMethod | FullMethod


def method_of(loaded: Any, settings: FinetuneSettings, folder: Path | None = None) -> Method:
    """The method that the settings name; `folder` is that of the run, where there is one."""
    return LoraMethod(loaded, settings, folder) if settings.method == LORA else FullMethod(loaded, settings)


def left_by(loaded: Any, folder: Path | None) -> bool:
    """Whether the model carries the adapter that the run in `folder` left."""
    return (
        folder is not None
        and loaded.adapter is not None
        and bool(loaded.adapter.folder)
        and same_place(loaded.adapter.folder, folder)
    )


def same_place(ref: str, folder: Path) -> bool:
    """Whether what opens a model is that folder."""
    return Path(ref).expanduser().resolve() == folder.resolve()


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
