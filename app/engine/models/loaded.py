"""A model in memory."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from app.engine.errors import UserError
from app.engine.models.adapters import AdapterSwitch
from app.engine.models.parts import Anatomy
from app.engine.models.records import Adapter, ModelSummary


@dataclass(eq=False)
class LoadedModel:
    """One loaded model: transformers' own model and tokenizer, in eval mode, with what Unembed knows about them."""

    model: Any
    """The transformers model, default attention, eval mode; None after `unload`."""
    tokenizer: Any
    family: str
    kind: str
    folder: Path
    anatomy: Anatomy
    summary: ModelSummary
    adapter: Adapter | None = None
    """What was put into the model where the folder holds an adapter; `model` is then its base with the adapter in."""
    _switch: AdapterSwitch | None = field(default=None, repr=False)
    _adapter_off: bool = field(default=False, repr=False)
    _unloaded: bool = field(default=False, repr=False)
    training_step: int | None = None
    """How many steps the training under way has taken; None while nobody trains this model."""
    _versions: tuple[int, int] = field(default=(0, 0), repr=False)
    """Of the weights without and with the adapter."""
    _latest: int = field(default=0, repr=False)

    @property
    def device(self) -> torch.device:
        """Where the embeddings lie, hence where input ids go."""
        return self.model.get_input_embeddings().weight.device

    @property
    def adapter_active(self) -> bool:
        """Whether there is an adapter and it is switched on."""
        return self.adapter is not None and not self._adapter_off

    @property
    def weights_version(self) -> int:
        """Another number whenever the weights are others, by a step of training or a checkpoint. An adapter has its
        own: what its base computes stays true while the adapter is trained."""
        return self._versions[self.adapter_active]

    @property
    def weights_state(self) -> tuple[bool, int]:
        """What tells one state of the weights from another: with the adapter or without, and which version."""
        return self.adapter_active, self.weights_version

    def weights_moved(self) -> None:
        """The adapter's weights, or those of a model without one, are others from now on."""
        self._latest += 1
        base, adapted = self._versions
        self._versions = (base, self._latest) if self.adapter is not None else (self._latest, adapted)

    def weights_are_back(self, version: int) -> None:
        """The weights of a model without an adapter are those of that version again, bit for bit."""
        self._versions = (version, self._versions[1])

    @contextmanager
    def other_weights(self) -> Iterator[None]:
        """Weights are put into the model for a while, and then those from before again."""
        before = self._versions
        self.weights_moved()
        try:
            yield
        finally:
            self._versions = before

    @property
    def adapter_switch(self) -> AdapterSwitch:
        """What switches the adapter that is in the model."""
        assert self._switch is not None
        return self._switch

    def take_adapter(self, adapter: Adapter, switch: AdapterSwitch) -> None:
        """An adapter was put into the model while it is open: by training."""
        self.adapter, self._switch, self._adapter_off = adapter, switch, False
        parameters = self.summary.parameters + (adapter.parameters if self.summary.adapter is None else 0)
        self.summary = replace(self.summary, adapter=adapter, adapter_of=adapter.base, parameters=parameters)

    def drop_adapter(self) -> None:
        """The adapter was taken out again, its layers are gone."""
        if self.adapter is not None:
            parameters = self.summary.parameters - self.adapter.parameters
            self.summary = replace(self.summary, adapter=None, adapter_of="", parameters=parameters)
        self.adapter, self._switch, self._adapter_off = None, None, False

    def set_adapter_active(self, active: bool) -> None:
        """Switch the adapter off or on, for everything that runs from now on; off, the model is its base bit for bit.

        Raises UserError without an adapter, and for one that cannot be taken out again.
        """
        if self.adapter is None or self._switch is None:
            raise UserError(f"{self.summary.name} is no adapter, so there is nothing to switch off.")
        if active == self.adapter_active:
            return
        if self.adapter.always_on:
            raise UserError(
                f"The adapter {self.summary.name} cannot be switched off, because {self.adapter.always_on}.",
                f"Open {self.adapter.base} beside it.",
            )
        self._switch.turn(self.model, active)
        self._adapter_off = not active

    @contextmanager
    def adapter_set(self, active: bool) -> Iterator[None]:
        """The adapter on or off for a while, then as it was; nothing happens where it is so already."""
        before = self.adapter_active
        if active != before:
            self.set_adapter_active(active)
        try:
            yield
        finally:
            if active != before and not self._unloaded:
                self.set_adapter_active(before)

    def unload(self) -> None:
        """Give the memory back. The record stays readable; anything that needs weights fails afterwards."""
        if self._unloaded:
            return
        self._unloaded = True
        on_cuda = self.device.type == "cuda"
        self.model, self._switch = None, None
        # Where the collector is switched off, whoever did so collects on a thread of his choice.
        if gc.isenabled():
            gc.collect()
        if on_cuda:
            torch.cuda.empty_cache()
