"""Reading an adapter's folder before anything is loaded: which model it changes, how, and how large it is.

The layout is the one that peft's `save_pretrained` writes: adapter_config.json and adapter_model.safetensors
(https://huggingface.co/docs/peft/developer_guides/checkpoint).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from app.engine.errors import UserError
from app.engine.models.folder import check_whole, has_whole_model, header, read_json
from app.engine.models.records import Adapter

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."
"""What peft puts before the name that a tensor has in the base."""
TYPES = {
    "LORA": "LoRA",
    "IA3": "IA³",
    "LOHA": "LoHa",
    "LOKR": "LoKr",
    "OFT": "OFT",
    "HRA": "HRA",
    "MISS": "MiSS",
    "FOURIERFT": "FourierFT",
    "TRAINABLE_TOKENS": "trained tokens",
}
"""The kinds whose whole state is in layers of the base, so that the base's own class goes on being the model."""
_RANKED = ("LORA", "LOHA", "LOKR", "HRA", "MISS")
_UNUSUAL = {
    "layer_replication": "uses blocks of its base several times",
    "alora_invocation_tokens": "switches itself on in the middle of a text",
    "arrow_config": "chooses between several adapters for every token",
}
"""What a LoRA config may ask for that happens outside the layers."""
_HARMLESS = ("gaussian", "orthogonal", "eva")
"""Ways to begin a training that leave the base's weights alone; the others take from them what the adapter begins
with (PiSSA, OLoRA, CorDA, LoftQ)."""


def is_adapter(folder: Path) -> bool:
    """Whether the folder holds an adapter and no whole model."""
    return (folder / CONFIG).exists() and not has_whole_model(folder)


def read_adapter(folder: Path) -> Adapter:
    """What the folder's files tell. Raises UserError for an adapter that Unembed cannot open."""
    raw = read_json(folder / CONFIG)
    kind = raw.get("peft_type")
    if kind not in TYPES:
        raise UserError(
            f"{folder} holds an adapter of the kind “{kind}”, which Unembed does not open.",
            f"Open one that changes the model's own layers: {', '.join(TYPES.values())}.",
        )
    for name, words in _UNUSUAL.items():
        if raw.get(name):
            raise UserError(
                f"The adapter in {folder} {words} ({name}), which Unembed does not show.",
                "Open an adapter without it.",
            )
    named = raw.get("base_model_name_or_path")
    if not isinstance(named, str) or not named:
        raise UserError(
            f"{folder / CONFIG} does not say which model the adapter belongs to.",
            "Write that model's folder, hub id or bundled name after base_model_name_or_path.",
        )
    near = folder / Path(named).expanduser()
    start = raw.get("init_lora_weights")
    taken = kind == "LORA" and isinstance(start, str) and start not in _HARMLESS
    return Adapter(
        folder=str(folder),
        base=str(near.resolve()) if near.is_dir() else named,
        type="DoRA" if raw.get("use_dora") else TYPES[kind],
        rank=_number(raw, "r") if kind in _RANKED else None,
        alpha=_number(raw, "lora_alpha", "alpha"),
        targets=_names(raw.get("target_modules")) + _names(raw.get("target_parameters")),
        parameters=sum(math.prod(shape) for shape in stored_shapes(folder).values()),
        always_on="it took its beginning from the weights of its base, which are not the same since" if taken else "",
    )


def stored_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Name and shape of every stored tensor. Raises UserError when the weights are missing, pickled or cut short."""
    path = folder / WEIGHTS
    if not path.exists():
        if (folder / "adapter_model.bin").exists():
            raise UserError(
                f"{folder} has only pickled weights (adapter_model.bin); opening a pickle can run any code.",
                "Convert it where you trust it: PeftModel.from_pretrained(base, folder).save_pretrained(folder) "
                f"in peft writes {WEIGHTS}.",
            )
        raise UserError(f"{folder} has an {CONFIG} but no weights.", f"Put {WEIGHTS} beside it.")
    check_whole(path)
    entries = header(path)
    del entries["__header__"]
    return {name.removeprefix(PREFIX): tuple(entry["shape"]) for name, entry in entries.items()}


def no_base(adapter: Adapter, error: UserError) -> UserError:
    """What is said when the base of an adapter cannot be had, because of `error`."""
    return UserError(
        f"{Path(adapter.folder).name} is an adapter and needs its base “{adapter.base}”. {error.fact}",
        f"{error.remedy} If the base lies elsewhere, write its folder, hub id or bundled name after "
        f"base_model_name_or_path in {CONFIG}.".strip(),
    )


def _number(raw: dict[str, Any], *names: str) -> int | float | None:
    """The first of these settings that is a number."""
    found = (raw.get(name) for name in names)
    return next((value for value in found if isinstance(value, int | float) and not isinstance(value, bool)), None)


def _names(given: object) -> tuple[str, ...]:
    """What is targeted: a list of names, or one pattern."""
    if isinstance(given, list):
        return tuple(sorted(map(str, given)))
    return (given,) if isinstance(given, str) else ()
