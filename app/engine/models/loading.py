"""Opening a model: found or fetched, checked, read into memory, step by step."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from app.engine.errors import Cancelled, UserError
from app.engine.models.adapter_folder import is_adapter, no_base, read_adapter
from app.engine.models.adapters import AdapterSwitch, attach, fit_embeddings
from app.engine.models.anatomy import find_anatomy
from app.engine.models.catalogue import bundled_models, entry_of, require_base, resolve
from app.engine.models.classes import model_class
from app.engine.models.devices import choose_device, free_bytes
from app.engine.models.estimate import ADAPTER_BYTES, STORED, precision_used
from app.engine.models.folder import (
    has_tokenizer,
    read_json,
    require_tokenizer,
    stored_dtypes,
    stored_parameters,
    weight_files,
)
from app.engine.models.hub import cached_folder, download_steps, looks_like_hub_id, offline
from app.engine.models.kinds import kind_of
from app.engine.models.loaded import LoadedModel
from app.engine.models.memory import memory_errors, require_memory
from app.engine.models.parts import Anatomy
from app.engine.models.records import Adapter, LoadProgress
from app.engine.models.summary import summarise
from app.engine.models.watched import loading_told, watched

_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_SMALLER = "Close other programs, or open it with precision bf16."


def load(
    ref: str | Path,
    device: str = "auto",
    precision: str = "auto",
    progress: Callable[[LoadProgress], None] | None = None,
    cancel: Callable[[], bool] | None = None,
    *,
    local_files_only: bool = False,
) -> LoadedModel:
    """Open a bundled model by name, a folder or a hub id, in eval mode with transformers' default attention.

    `device` is "auto", "cpu", "cuda", "cuda:1" or "mps"; a model too large for one of several GPUs is spread over
    them where it is "auto". `precision` is "auto" (fp32 on a CPU, else the checkpoint's own), "fp32", "fp16" or "bf16".
    A hub id is downloaded unless the cache has it or `local_files_only`. A folder with an adapter in peft's layout is
    opened as its base, from wherever adapter_config.json says, with the adapter put in and switched on. Weights are
    read from safetensors only and no code of the folder is ever run. `progress` hears each step; `cancel` is asked
    between steps, and True raises Cancelled. Everything that can be wrong with a folder raises UserError.
    """
    steps = load_steps(ref, device, precision, local_files_only)
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            return stop.value
        if progress is not None:
            progress(step)
        if cancel is not None and cancel():
            steps.close()
            raise Cancelled


def load_steps(
    ref: str | Path, device: str = "auto", precision: str = "auto", local_files_only: bool = False
) -> Generator[LoadProgress, None, LoadedModel]:
    """The steps of `load` as a generator for a lane: each yield says what comes next, the model is returned."""
    place = choose_device(device)
    folder = yield from _fetched(str(ref), local_files_only)
    name = Path(str(ref)).name
    adapter = read_adapter(folder) if is_adapter(folder) else None
    base = folder if adapter is None else (yield from _base(adapter, local_files_only))
    config = _config(base)
    files = weight_files(base)
    speaks = folder if has_tokenizer(folder) else base
    require_tokenizer(speaks)
    stored = STORED.get(next(iter(stored_dtypes(files)), ""), "")
    dtype = _DTYPES[precision_used(precision, place, stored)]
    needed = stored_parameters(files) * dtype.itemsize + (adapter.parameters * ADAPTER_BYTES if adapter else 0)
    spread = device == "auto" and torch.cuda.device_count() > 1 and needed > free_bytes(place)
    if not spread:
        require_memory(needed, place, f"Opening {name}", _SMALLER)
    yield LoadProgress("Reading the tokenizer", 0.3)
    tokenizer = _tokenizer(speaks, config)
    yield LoadProgress("Reading the weights", 0.4)
    with memory_errors(f"opening {name}", _SMALLER):
        kind = kind_of(read_json(base / "config.json"))
        chosen = model_class(config, kind, base)
        model = (yield from _weights(chosen, base, dtype, "auto" if spread else place)).eval()
    yield LoadProgress("Looking at its parts", 0.95)
    rows = _embedding_rows(model, name)
    if adapter is not None:
        adapter = fit_embeddings(model, adapter)
        rows = _embedding_rows(model, name)
    if tokenizer.vocab_size > rows:
        raise UserError(
            f"The tokenizer in {speaks} has {tokenizer.vocab_size:,} tokens, the model's embedding {rows:,} rows.",
            "Use the tokenizer that belongs to this model.",
        )
    # Parts are told by their classes, so they are looked for before an adapter's layers take the place of some.
    anatomy = _anatomy(model, tokenizer, name)
    switch: AdapterSwitch | None = None
    if adapter is not None:
        yield LoadProgress("Putting the adapter in", 0.97)
        switch = attach(model, adapter)
    summary = summarise(str(ref), name, kind, model, tokenizer, anatomy, adapter)
    return LoadedModel(model, tokenizer, config.model_type, kind, folder, anatomy, summary, adapter, switch)


def _base(adapter: Adapter, local_files_only: bool) -> Generator[LoadProgress, None, Path]:
    """The folder of an adapter's base, found or fetched like any model."""
    try:
        folder = yield from _fetched(adapter.base, local_files_only)
    except UserError as error:
        raise no_base(adapter, error) from error
    require_base(adapter, folder)
    return folder


def _embedding_rows(model: Any, name: str) -> int:
    """How many tokens the model has vectors for."""
    try:
        return int(model.get_input_embeddings().weight.shape[0])
    except (NotImplementedError, AttributeError) as error:
        raise UserError(
            f"{name} ({type(model).__name__}) does not read its tokens from one table of embeddings.",
            "Open a model that does, for instance of the GPT-2, Llama, BERT or BART family.",
        ) from error


def _fetched(ref: str, local_files_only: bool) -> Generator[LoadProgress, None, Path]:
    """The folder that `ref` names; a hub id that is not in the cache, or not wholly, is downloaded."""
    yield LoadProgress("Looking for the model", 0.0)
    known = local_files_only or ref in bundled_models() or not looks_like_hub_id(ref)
    if not known and (cached := cached_folder(ref)) is not None:
        # What is there is not fetched again, so that a model in the cache opens without network.
        known = not entry_of(cached, ref, "cache").problem or offline()
    if known:
        return resolve(ref)
    steps = download_steps(ref)
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            return stop.value
        share = step.done / step.total if step.total else 0.0
        words = f"Downloading, {step.done / 1e6:,.0f} of {step.total / 1e6:,.0f} MB"
        yield LoadProgress(words, 0.3 * share)


def _config(folder: Path) -> Any:
    raw = read_json(folder / "config.json")
    family = raw.get("model_type")
    if "auto_map" in raw and family not in CONFIG_MAPPING:
        raise UserError(
            f"{folder} brings its own program code, which Unembed does not run.",
            "Open a model of a family that transformers itself knows.",
        )
    if family not in CONFIG_MAPPING:
        raise UserError(
            f"{folder / 'config.json'} names the architecture “{family}”, which this version of transformers does not "
            "know.",
            "Open a model of a family that transformers knows, for instance gpt2, opt, llama or qwen3.",
        )
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise UserError(
            f"{folder / 'config.json'} does not describe a {family} model: {error}",
            "Fetch the file again from where it came.",
        ) from error
    return config


def _tokenizer(folder: Path, config: Any) -> Any:
    try:
        # The config is handed over because an adapter's folder has none.
        return AutoTokenizer.from_pretrained(folder, config=config, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # the tokenizers library raises a bare Exception for a broken file
        raise UserError(
            f"The tokenizer in {folder} could not be read: {error}", "Copy the tokenizer files of the same model again."
        ) from error


def _anatomy(model: Any, tokenizer: Any, name: str) -> Anatomy:
    """The model's parts, found in a run on a few tokens."""
    room = getattr(model.config.get_text_config(), "max_position_embeddings", None) or 8
    ids = tokenizer("The cat sat.", verbose=False)["input_ids"][: min(8, room)] or [0]
    given = torch.tensor([ids], device=model.get_input_embeddings().weight.device)
    inputs = {"input_ids": given, "attention_mask": torch.ones_like(given)}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = given
    try:
        return find_anatomy(model, inputs)
    except UserError:
        raise
    except (ValueError, TypeError, RuntimeError, IndexError, AttributeError) as error:
        raise UserError(
            f"{name} ({type(model).__name__}) could not be run on a few tokens of text: {error}",
            "Open a language model; models that also need pictures or sound are not shown.",
        ) from error


def _weights(
    chosen: type[PreTrainedModel], folder: Path, dtype: torch.dtype, place: str
) -> Generator[LoadProgress, None, Any]:
    """The model on `place`, or spread over all GPUs by accelerate when that is "auto".

    Families outside transformers' attention interface are opened with eager attention: Falcon, for one, loses its
    causal mask when attentions are asked of its fast kernel.
    """
    own = None if chosen._can_set_attn_implementation() else "eager"

    def read(tell: Callable[[float], None]) -> Any:
        with loading_told(tell):
            return chosen.from_pretrained(
                folder,
                attn_implementation=own,
                dtype=dtype,
                device_map={"auto": "auto", "cpu": None}.get(place, {"": place}),
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
            )

    try:
        steps = watched(read)
        while True:
            try:
                share = next(steps)
            except StopIteration as stop:
                model, info = stop.value
                break
            if share is not None:
                yield LoadProgress("Reading the weights", 0.4 + 0.55 * share)
            else:
                yield LoadProgress("Reading the weights", 0.4)
    except (SafetensorError, OSError, KeyError) as error:
        raise UserError(
            f"The weights in {folder} could not be read: {error}", "Copy or download them again."
        ) from error
    except (ValueError, RuntimeError) as error:
        if "size mismatch" in str(error) or "mismatched" in str(error):
            raise UserError(
                f"The weights in {folder} do not fit its config.json: tensors have other shapes than it describes.",
                "Use the config of the same model.",
            ) from error
        raise
    if missing := sorted(info["missing_keys"]):
        raise UserError(
            f"The weights in {folder} lack {len(missing)} tensors, for instance {missing[0]}; they would be random.",
            "Copy the complete weights of this model.",
        )
    return model
