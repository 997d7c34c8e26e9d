"""Every model that cannot be opened, and what is said: `python -m engine.models.bad_inputs` prints the table."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import torch
from engine.models.fake_hub import FakeHub
from engine.tiny_models import save_tiny

Maker = Callable[[Path, FakeHub], str]
"""Makes the bad thing under a folder or on a hub and gives back the ref to open."""


def _folder(change: Callable[[Path], object]) -> Maker:
    def make(root: Path, _hub: FakeHub) -> str:
        folder = save_tiny(root / "model", "llama")
        change(folder)
        return str(folder)

    return make


def _config(**changes: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def _shard_missing(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def _truncated(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def _corrupt(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(b"\xff" * weights.stat().st_size)


def _gguf(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-q4.gguf")


def _gguf_file(root: Path, _hub: FakeHub) -> str:
    path = root / "model-q4.gguf"
    path.write_bytes(b"GGUF")
    return str(path)


def _smaller_embedding(root: Path, _hub: FakeHub) -> str:
    return str(save_tiny(root / "model", "llama", vocab_size=300))


def _nowhere(_root: Path, _hub: FakeHub) -> str:
    return "ada/tiny-lama"


def _gated(root: Path, hub: FakeHub) -> str:
    hub.repositories["ada/closed"] = save_tiny(root / "closed", "llama")
    hub.gated.add("ada/closed")
    return "ada/closed"


def _hub_pickled(root: Path, hub: FakeHub) -> str:
    folder = save_tiny(root / "old", "llama")
    _pickled(folder)
    hub.repositories["ada/old"] = folder
    return "ada/old"


def _hub_gguf(root: Path, hub: FakeHub) -> str:
    folder = root / "quantised"
    folder.mkdir()
    (folder / "model-q4.gguf").write_bytes(b"GGUF")
    hub.repositories["ada/model-GGUF"] = folder
    return "ada/model-GGUF"


def _unreachable(_root: Path, _hub: FakeHub) -> str:
    # Nothing listens on the discard port.
    os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
    return "ada/anything"


def _server_error(_root: Path, hub: FakeHub) -> str:
    hub.broken = 503
    return "ada/anything"


BAD: dict[str, tuple[Maker, str]] = {
    "pickled weights": (_folder(_pickled), r"only pickled weights.*save_pretrained"),
    "code of its own": (
        _folder(_config(model_type="brandnew", auto_map={"AutoModelForCausalLM": "modeling.New"})),
        "brings its own program code, which Unembed does not run",
    ),
    "no tokenizer": (_folder(lambda folder: (folder / "tokenizer.json").unlink()), "has no tokenizer"),
    "a tokenizer that does not match": (_smaller_embedding, r"tokenizer .* has 320 tokens, .* 300 rows"),
    "a broken tokenizer": (
        _folder(lambda folder: (folder / "tokenizer.json").write_text("{}")),
        "tokenizer in .* could not be read",
    ),
    "a truncated file": (_folder(_truncated), r"cut short: [\d,]+ of [\d,]+ bytes"),
    "a corrupt file": (_folder(_corrupt), "cut short or damaged"),
    "a shard missing": (_folder(_shard_missing), r"model-00001-of-00002\.safetensors is missing"),
    "no weights": (_folder(lambda folder: (folder / "model.safetensors").unlink()), "no weights"),
    "no config": (_folder(lambda folder: (folder / "config.json").unlink()), r"no config\.json"),
    "broken JSON": (
        _folder(lambda folder: (folder / "config.json").write_text('{\n "model_type": \n}')),
        r"config\.json, line 3",
    ),
    "an unknown architecture": (_folder(_config(model_type="brandnew")), "architecture “brandnew”"),
    "tensors missing": (_folder(_config(num_hidden_layers=5)), "lack .* tensors"),
    "tensors of another size": (_folder(_config(intermediate_size=48)), "do not fit its config"),
    "a GGUF folder": (_folder(_gguf), "GGUF"),
    "a GGUF file": (_gguf_file, "GGUF"),
    "a misspelt hub id": (_nowhere, "knows no model “ada/tiny-lama”"),
    "a gated model": (_gated, r"gated.*HF_TOKEN"),
    "a hub model with pickles only": (_hub_pickled, "only pickled weights"),
    "a hub model with GGUF only": (_hub_gguf, "GGUF"),
    "no network": (_unreachable, "could not be reached"),
    "a hub out of order": (_server_error, "answered 503"),
}


def main() -> None:
    """Print the table."""
    import tempfile

    from engine.models.fake_hub import fake_hub

    from app.engine.errors import UserError
    from app.engine.models import load

    print("| what | what is said | the way out |\n| --- | --- | --- |")
    for name, (make, _) in BAD.items():
        with tempfile.TemporaryDirectory() as root, fake_hub() as hub:
            os.environ.update(HF_ENDPOINT=hub.url, HF_HUB_CACHE=f"{root}/cache")
            try:
                load(make(Path(root), hub))
            except UserError as error:
                fact, remedy = (text.replace(root, "…") for text in (error.fact, error.remedy))
                print(f"| {name} | {fact} | {remedy} |", flush=True)


if __name__ == "__main__":
    main()
