"""Where logits stopped being finite numbers: the first block that made NaN or infinity."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from app.engine.decode.prompt import Prompt
from app.engine.errors import UserError
from app.engine.trace.capture import run_plainly

_REMEDY = "Its weights may be damaged, or its precision too low: load it again in fp32."


def nonfinite_error(loaded: Any, prompt: Prompt, ids: np.ndarray) -> UserError:
    """The error for logits that hold no number to choose by, with the place where that began.

    Runs the model once more, without a cache, on the decoder's `ids`, int64 `[token]`, and looks at every block.
    """
    device = loaded.model.get_input_embeddings().weight.device
    decoder = torch.tensor([ids.tolist()], device=device)
    inputs = {"input_ids": decoder}
    if prompt.encoder_ids is not None:
        inputs = {"input_ids": torch.tensor([prompt.encoder_ids], device=device), "decoder_input_ids": decoder}
    return nonfinite_after(loaded, inputs)


def nonfinite_after(loaded: Any, inputs: dict[str, torch.Tensor]) -> UserError:
    """As `nonfinite_error`, for the model's own inputs."""
    place = _first_place(loaded, inputs)
    return UserError(f"The model's logits are not finite numbers{place}, so no token can be chosen.", _REMEDY)


def _first_place(loaded: Any, inputs: dict[str, torch.Tensor]) -> str:
    anatomy = getattr(loaded, "anatomy", None)
    if anatomy is None:
        return ""
    seen: list[str] = []

    def look(name: str) -> Any:
        def hook(_module: Any, _args: Any, output: Any) -> None:
            made = output[0] if isinstance(output, tuple | list) else output
            if isinstance(made, torch.Tensor) and not bool(torch.isfinite(made).all()):
                seen.append(name)

        return hook

    paths = {
        stack.embed: f"the {stack.prefix.removesuffix('.')} embedding".replace("  ", " ") for stack in anatomy.stacks
    }
    for stack in anatomy.stacks:
        for index, parts in enumerate(stack.blocks):
            paths[parts.block] = f"{stack.prefix.replace('.', ' ')}block {index}"
    model = loaded.model
    handles = [model.get_submodule(path).register_forward_hook(look(name)) for path, name in paths.items()]
    try:
        with torch.no_grad():
            run_plainly(model, inputs)
    finally:
        for handle in handles:
            handle.remove()
    return f" (it begins in {seen[0]})" if seen else " (it begins after the last block)"
