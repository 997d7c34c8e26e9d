"""Opening a model from this machine's disk."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from app.engine.errors import Cancelled, UserError
from app.engine.models.anatomy import Anatomy, decoder_anatomy
from app.engine.models.catalogue import resolve
from app.engine.models.folder import read_json, require_tokenizer, stored_parameters, weight_files
from app.engine.models.loaded import LoadedModel
from app.engine.models.memory import memory_errors, require_memory
from app.engine.models.records import LoadProgress, ModelSummary

_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_SMALLER = "Close other programs, or open it with precision bf16."


def load(
    ref: str | Path,
    device: str = "auto",
    precision: str = "auto",
    progress: Callable[[LoadProgress], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> LoadedModel:
    """Open a bundled model by name or a folder, in eval mode with transformers' default attention.

    `device` is "auto", "cpu", "cuda", "cuda:1" or "mps"; `precision` "auto" (fp32 on a CPU, else the checkpoint's
    own), "fp32", "fp16" or "bf16". Weights are read from safetensors only and no code of the folder is ever run.
    `progress` hears each step; `cancel` is asked between steps, and True raises Cancelled. Everything that can be
    wrong with a folder raises UserError.
    """
    steps = load_steps(ref, device, precision)
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
    ref: str | Path, device: str = "auto", precision: str = "auto"
) -> Generator[LoadProgress, None, LoadedModel]:
    """The steps of `load` as a generator for a lane: each yield says what comes next, the model is returned."""
    yield LoadProgress("Reading the folder", 0.0)
    folder = resolve(ref)
    config = _config(folder)
    place = _device(device)
    dtype = _dtype(precision, place)
    files = weight_files(folder)
    require_tokenizer(folder)
    size = torch.float32.itemsize if dtype is None or dtype == torch.float32 else 2
    require_memory(stored_parameters(files) * size, place, f"Opening {folder.name}", _SMALLER)
    yield LoadProgress("Reading the tokenizer", 0.1)
    tokenizer = _tokenizer(folder)
    yield LoadProgress("Reading the weights", 0.2)
    with memory_errors(f"opening {folder.name}", _SMALLER):
        model = _weights(folder, dtype).to(place).eval()
    yield LoadProgress("Looking at its parts", 0.9)
    rows = model.get_input_embeddings().weight.shape[0]
    if tokenizer.vocab_size > rows:
        raise UserError(
            f"The tokenizer in {folder} has {tokenizer.vocab_size:,} tokens, the model's embedding {rows:,} rows.",
            "Use the tokenizer that belongs to this model.",
        )
    anatomy = decoder_anatomy(model)
    summary = _summary(str(ref), folder, model, anatomy)
    return LoadedModel(model, tokenizer, config.model_type, "decoder", folder, anatomy, summary)


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
    encoder = not getattr(config, "is_decoder", False) and any(
        name.endswith(("ForMaskedLM", "ForSequenceClassification", "ForPreTraining"))
        for name in config.architectures or ()
    )
    if config.is_encoder_decoder or encoder or family not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        kind = "encoder-decoder" if config.is_encoder_decoder else "encoder-only"
        raise UserError(
            f"{folder.name} is an {kind} model ({family}); Unembed opens decoder-only models so far.",
            "Open a causal language model, for instance of the GPT-2, OPT, Llama, Qwen or Gemma family.",
        )
    return config


def _device(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError("No CUDA device can be used here.", "Choose the CPU, or install a torch build with CUDA.")
    if device == "mps" and not torch.backends.mps.is_available():
        raise UserError("No MPS device can be used here.", "Choose the CPU.")
    if device.partition(":")[0] not in ("cpu", "cuda", "mps"):
        raise UserError(f"“{device}” is no device.", "Choose auto, cpu, cuda or mps.")
    return device


def _dtype(precision: str, device: str) -> torch.dtype | None:
    """None means the checkpoint's own."""
    if precision == "auto":
        return torch.float32 if device == "cpu" else None
    if precision not in _DTYPES:
        raise UserError(f"“{precision}” is no precision.", "Choose auto, fp32, fp16 or bf16.")
    return _DTYPES[precision]


def _tokenizer(folder: Path) -> Any:
    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # the tokenizers library raises a bare Exception for a broken file
        raise UserError(
            f"The tokenizer in {folder} could not be read: {error}", "Copy the tokenizer files of the same model again."
        ) from error


def _weights(folder: Path, dtype: torch.dtype | None) -> Any:
    try:
        model, info = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype="auto" if dtype is None else dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
    except (SafetensorError, OSError, KeyError) as error:
        raise UserError(
            f"The weights in {folder} could not be read: {error}", "Copy or download them again."
        ) from error
    except (ValueError, RuntimeError) as error:
        if "size mismatch" in str(error) or "mismatched" in str(error):
            raise UserError(
                f"The weights in {folder} do not fit its config.json: {error}", "Use the config of the same model."
            ) from error
        raise
    if missing := sorted(info["missing_keys"]):
        raise UserError(
            f"The weights in {folder} lack {len(missing)} tensors, for instance {missing[0]}; they would be random.",
            "Copy the complete weights of this model.",
        )
    return model


def _summary(ref: str, folder: Path, model: Any, anatomy: Anatomy) -> ModelSummary:
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    width = config.hidden_size
    names = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}
    last = next((parts.mlp_last for parts in anatomy.blocks if parts.mlp_last), "")
    return ModelSummary(
        ref=ref,
        name=folder.name,
        family=config.model_type,
        architecture=type(model).__name__,
        kind="decoder",
        parameters=model.num_parameters(),
        block_parameters=tuple(
            sum(parameter.numel() for parameter in model.get_submodule(parts.block).parameters())
            for parts in anatomy.blocks
        ),
        precision=names.get(model.dtype, str(model.dtype).removeprefix("torch.")),
        device=str(model.device),
        context=getattr(config, "max_position_embeddings", None),
        vocabulary=model.get_input_embeddings().weight.shape[0],
        layers=len(anatomy.blocks),
        heads=heads,
        kv_heads=getattr(config, "num_key_value_heads", None) or heads,
        width=width,
        head_dim=getattr(config, "head_dim", None) or width // heads,
        mlp_width=_input_width(model.get_submodule(last)) if last else None,
        position=anatomy.position_kind,
    )


def _input_width(projection: Any) -> int:
    """Rows of a projection's input: transformers' Conv1D stores `[in, out]`, a Linear `[out, in]`."""
    return getattr(projection, "nx", None) or projection.in_features
