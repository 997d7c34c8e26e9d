"""A model in one of the states that a run brought it into, for as long as somebody looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch

from app.engine.errors import UserError
from app.engine.finetune.run_folder import read_checkpoint, read_run
from app.engine.models import load

BEFORE = 0
"""The step at which nothing was learnt yet."""


class Side:
    """One side of a comparison: a model with all it has learnt (no step), before it learnt (`BEFORE`), or as it was at
    a checkpoint of the run in `folder`.

    Before is the adapter switched off; of a full finetune it is the weights of the model that the run began with, read
    again. Entering costs nothing after the first time: weights are put into the model by exchange, not by copying.
    """

    def __init__(self, loaded: Any, step: int | None = None, folder: Path | None = None) -> None:
        self.loaded, self.step, self._folder = loaded, step, folder
        self._stored: list[tuple[torch.nn.Parameter, torch.Tensor]] | None = None

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The model in this state; afterwards it is as it was. Nobody else may look in between.

        Raises UserError where the state cannot be read, or an adapter cannot be switched off.
        """
        loaded, switched = self.loaded, self.loaded.adapter is not None
        with loaded.adapter_set(self.step != BEFORE) if switched else nullcontext():
            if self.step is None or (switched and self.step == BEFORE):
                yield
                return
            if self._stored is None:
                self._stored = self._read()
            with loaded.other_weights():
                self._exchange()
                try:
                    yield
                finally:
                    self._exchange()

    def _exchange(self) -> None:
        assert self._stored is not None
        for place, (parameter, other) in enumerate(self._stored):
            self._stored[place] = (parameter, parameter.data)
            parameter.data = other

    def _read(self) -> list[tuple[torch.nn.Parameter, torch.Tensor]]:
        if self._folder is None or self.step is None:
            raise UserError(
                f"{self.loaded.summary.name} is not the result of a run, so it has no earlier state to show.",
                "Open the model from before as B.",
            )
        folder, step = self._folder, self.step
        tensors = _weights_before(folder) if step == BEFORE else read_checkpoint(folder, step)[0]
        own = dict(self.loaded.model.named_parameters())
        found = []
        for name, tensor in tensors.items():
            parameter = own.get(_own_name(name, own))
            if parameter is None or parameter.shape != tensor.shape:
                raise UserError(
                    f"The weights of the run in {self._folder} do not fit {self.loaded.summary.name}: it has no "
                    f"“{name}” of this size.",
                    "Open the result of that run.",
                )
            found.append((parameter, tensor.to(parameter.device, parameter.dtype)))
        return found


def _weights_before(folder: Path) -> dict[str, torch.Tensor]:
    """The weights that a full finetune began with, by name."""
    run = read_run(folder)
    base = load(run["base"], device="cpu", precision=run.get("precision", "auto"))
    tensors = {name: parameter.data for name, parameter in base.model.named_parameters()}
    base.unload()
    return tensors


def _own_name(name: str, own: dict[str, Any]) -> str:
    """The parameter that a stored tensor belongs to: peft stores "….lora_A.weight" of "….lora_A.default.weight"."""
    plain = name.removeprefix("base_model.model.")
    if plain in own:
        return plain
    stem, _, last = plain.rpartition(".")
    return f"{stem}.default.{last}"
