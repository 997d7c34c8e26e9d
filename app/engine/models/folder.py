"""Reading a model folder before anything is allocated: is everything there, and is it whole?"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from app.engine.errors import UserError

_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "source.spm",
    "vocab.json",
    "vocab.txt",
)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises UserError with the file and line when it is missing or broken."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if any(path.parent.glob("*.gguf")):
            raise gguf(str(path.parent)) from None
        raise UserError(
            f"The folder {path.parent} has no {path.name}, so it is not a model folder.",
            "Open the folder that holds config.json, the weights and the tokenizer.",
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", 1)
        raise UserError(
            f"{path}, line {line}: this is not valid JSON ({error}).", "Fetch the file again from where it came."
        ) from None
    if not isinstance(data, dict):
        raise UserError(f"{path}: expected a JSON object.", "Fetch the file again from where it came.")
    return data


def has_whole_model(folder: Path) -> bool:
    """Whether safetensors of a whole model, or of its shards, lie in the folder."""
    return any((folder / name).exists() for name in ("model.safetensors", "model.safetensors.index.json"))


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of the folder, every shard present and whole.

    Raises UserError when there are none, only pickled ones, a shard is missing, a file is cut short, or an adapter lies
    beside them: transformers would put it into the model without a word.
    """
    if has_whole_model(folder) and (folder / "adapter_config.json").exists():
        raise UserError(
            f"{folder} holds a whole model and an adapter.",
            "Put adapter_config.json and the adapter's weights into a folder of their own.",
        )
    index = folder / "model.safetensors.index.json"
    if index.exists():
        names = sorted(set(read_json(index).get("weight_map", {}).values()))
        files = [folder / name for name in names]
        for path in files:
            if not path.exists():
                raise UserError(
                    f"The weight file {path.name} is missing in {folder}; {index.name} lists {len(files)} of them.",
                    "Copy or download the missing file into the folder.",
                )
    elif (folder / "model.safetensors").exists():
        files = [folder / "model.safetensors"]
    else:
        raise _no_safetensors(folder)
    for path in files:
        check_whole(path)
    return files


def gguf(name: str) -> UserError:
    """What is said of GGUF files."""
    return UserError(
        f"{name} holds GGUF weights, which are made for llama.cpp; transformers cannot look inside them here.",
        "Open the model they were made from: its safetensors are usually on the hub under a name without GGUF.",
    )


def _no_safetensors(folder: Path) -> UserError:
    if any(folder.glob("*.gguf")):
        return gguf(str(folder))
    pickled = sorted(path.name for pattern in _PICKLED for path in folder.glob(pattern))
    if pickled:
        return UserError(
            f"{folder} has only pickled weights ({', '.join(pickled[:3])}); opening a pickle can run any code.",
            "Convert it where you trust it: model.save_pretrained(folder) in transformers writes model.safetensors.",
        )
    return UserError(
        f"{folder} has a config.json but no weights.", "Put model.safetensors, or its shards and index, beside it."
    )


def header(path: Path) -> dict[str, Any]:
    """The header of a safetensors file: tensor names with dtype, shape and `data_offsets`.

    The layout is eight bytes with the header's length, the header as JSON, the data
    (https://huggingface.co/docs/safetensors). Raises UserError when the file is cut short or not safetensors.
    """
    size = path.stat().st_size
    broken = UserError(
        f"{path} is cut short or damaged ({size:,} bytes).", "Copy or download the file again and compare its size."
    )
    if size < 8:
        raise broken
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > size - 8:
            raise broken
        try:
            entries = json.loads(file.read(length))
        except ValueError:
            raise broken from None
    return {name: entry for name, entry in entries.items() if name != "__metadata__"} | {"__header__": length}


def check_whole(path: Path) -> None:
    """Raise UserError unless the file is as long as its header says."""
    entries = header(path)
    length = entries.pop("__header__")
    end = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
    size, expected = path.stat().st_size, 8 + length + end
    if size < expected:
        raise UserError(f"{path} is cut short: {size:,} of {expected:,} bytes.", "Copy or download the file again.")


def stored_parameters(files: list[Path]) -> int:
    """How many numbers the weight files hold."""
    return sum(stored_dtypes(files).values())


def stored_dtypes(files: list[Path]) -> dict[str, int]:
    """How many numbers the weight files hold of each dtype, as safetensors names it ("F32", "BF16"), most first."""
    counts: dict[str, int] = {}
    for path in files:
        for name, entry in header(path).items():
            if name != "__header__":
                counts[entry["dtype"]] = counts.get(entry["dtype"], 0) + math.prod(entry["shape"])
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def has_tokenizer(folder: Path) -> bool:
    """Whether the folder holds a tokenizer file."""
    return any((folder / name).exists() for name in _TOKENIZER_FILES)


def require_tokenizer(folder: Path) -> None:
    """Raise UserError when the folder holds no tokenizer file."""
    if not has_tokenizer(folder):
        raise UserError(
            f"{folder} has no tokenizer, so text cannot become tokens.",
            "Copy tokenizer.json (or tokenizer.model) of the same model into the folder.",
        )
