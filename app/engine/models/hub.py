"""The Hugging Face hub: searching it, what a download needs, downloading, and what already lies in the cache.

Everything goes through huggingface_hub, so its environment variables hold: HF_ENDPOINT, HF_TOKEN, HF_HOME,
HF_HUB_CACHE, HF_HUB_OFFLINE (https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables).
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.engine.errors import UserError
from app.engine.models import adapter_folder
from app.engine.models.folder import gguf
from app.engine.models.kinds import DECODER, ENCODER, ENCODER_DECODER
from app.engine.models.records import DownloadProgress, HubEntry
from app.engine.models.watched import watched

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_CHUNK = 1 << 20
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
_BESIDE_WEIGHTS = (".json", ".txt", ".model", ".spm", ".jinja")
_TASKS = {
    "text-generation": DECODER,
    "fill-mask": ENCODER,
    "text-classification": ENCODER,
    "translation": ENCODER_DECODER,
}
_TASKS |= {"text2text-generation": ENCODER_DECODER, "summarization": ENCODER_DECODER}
_OTHER_HEADERS = re.compile(r"(tf|flax|onnx|openvino)", re.IGNORECASE)


def offline() -> bool:
    """Whether the person has asked that nothing be fetched."""
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    return any(os.environ.get(name, "").upper() in ("1", "TRUE", "YES", "ON") for name in names)


def looks_like_hub_id(ref: str) -> bool:
    """Whether `ref` has the form "name" or "owner/name" and no such path exists here."""
    return HUB_ID.fullmatch(ref) is not None and not Path(ref).exists()


def cache_folder() -> Path:
    """Where the hub client keeps downloads."""
    from huggingface_hub import constants

    if given := os.environ.get("HF_HUB_CACHE"):
        return Path(given).expanduser()
    home = os.environ.get("HF_HOME")
    return Path(home).expanduser() / "hub" if home else Path(constants.HF_HUB_CACHE)


def cached_folder(ref: str) -> Path | None:
    """The newest complete snapshot of a hub id in the cache, None when there is none with a model's or adapter's
    config."""
    from huggingface_hub import try_to_load_from_cache

    for name in ("config.json", adapter_folder.CONFIG):
        found = try_to_load_from_cache(ref, name, cache_dir=cache_folder())
        if isinstance(found, str):
            return Path(found).parent
    return None


def search(text: str, limit: int = 30) -> tuple[HubEntry, ...]:
    """Models of the hub whose id holds `text`, most downloaded first. Raises UserError without network."""
    with hub_errors(text):
        _refuse_offline("Searching the hub needs the network")
        found = _api().list_models(
            search=text, sort="downloads", limit=limit, expand=["downloads", "pipeline_tag", "safetensors", "gated"]
        )
        return tuple(
            HubEntry(
                info.id,
                _TASKS.get(info.pipeline_tag or "", ""),
                info.downloads or 0,
                info.safetensors.total if info.safetensors is not None else None,
                bool(info.gated),
            )
            for info in found
        )


def download_steps(ref: str, revision: str | None = None) -> Generator[DownloadProgress, None, Path]:
    """Fetch what opening `ref` needs into the cache: config, tokenizer, safetensors, nothing else.

    Yields bytes done and to do; the snapshot's folder is returned. Files that are there are not fetched again, so a
    download that was stopped goes on with the next file. Raises UserError for everything that can be wrong.
    """
    from huggingface_hub import constants, snapshot_download

    # The client tells of bytes, and can be stopped, once a chunk; its own 10 MB are ten seconds of a slow network.
    constants.DOWNLOAD_CHUNK_SIZE = _CHUNK

    with hub_errors(ref):
        _refuse_offline(f"“{ref}” is not on this machine")
        info = _api().model_info(ref, revision=revision, files_metadata=True)
        sizes = _needed(ref, {entry.rfilename: entry.size or 0 for entry in info.siblings or ()})
        folder = cache_folder()
        missing = {name: size for name, size in sizes.items() if not _is_cached(ref, name, info.sha)}
        total = sum(missing.values())
        _require_disk(folder, total, ref)
        yield DownloadProgress(0, total)

        def fetch(tell: Callable[[int], None]) -> str:
            return snapshot_download(
                ref,
                revision=revision,
                cache_dir=folder,
                endpoint=_endpoint(),
                allow_patterns=sorted(sizes),
                tqdm_class=_bar(tell),
            )

        steps, done = watched(fetch), 0
        try:
            while True:
                try:
                    step = next(steps)
                except StopIteration as stop:
                    return Path(stop.value)
                if step is not None and step > done:
                    done = min(step, total)
                    yield DownloadProgress(done, total)
                else:
                    yield DownloadProgress(done, total)
        finally:
            steps.close()


def _bar(tell: Callable[[int], None]) -> Any:
    """A progress bar as the hub client wants one, which tells the bytes that have come and draws nothing."""
    from tqdm.auto import tqdm

    class Bar(tqdm):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            self._bytes = options.get("unit") == "B" and "Reconstruct" not in str(options.get("desc"))
            options.pop("name", None)
            super().__init__(*arguments, **{**options, "disable": True})
            self._came = int(options.get("initial") or 0)

        def update(self, n: float | None = 1) -> bool | None:
            if self._bytes:
                self._came += int(n or 0)
                tell(self._came)
            return None

    return Bar


def _needed(ref: str, sizes: dict[str, int]) -> dict[str, int]:
    """The files of a repository that opening it takes, with their sizes."""
    top = {name: size for name, size in sizes.items() if "/" not in name}
    weights = {"model.safetensors"} if "model.safetensors" in top else {name for name in top if _SHARD.fullmatch(name)}
    adapter = adapter_folder.CONFIG in top and not weights
    if adapter:
        weights = {adapter_folder.WEIGHTS} & set(top)
    elif "config.json" not in top:
        if any(name.endswith(".gguf") for name in sizes):
            raise gguf(ref)
        raise UserError(f"{ref} has no config.json, so it is not a transformers model.", "Choose another model.")
    if not weights:
        if any(name.endswith((".bin", ".pt", ".pth", ".h5", ".msgpack")) for name in sizes):
            raise UserError(
                f"{ref} has only pickled weights; opening a pickle can run any code.",
                "Choose a model with safetensors; many have a copy on the hub that was converted.",
            )
        raise gguf(ref) if any(name.endswith(".gguf") for name in sizes) else UserError(f"{ref} has no weights.")
    beside = {name for name in top if name.endswith(_BESIDE_WEIGHTS) and not _OTHER_HEADERS.match(name)}
    if not adapter:
        # Beside a whole model it would be put into it without a word.
        beside.discard(adapter_folder.CONFIG)
    return {name: top[name] for name in sorted(weights | beside)}


def _is_cached(ref: str, name: str, revision: str | None) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(ref, name, cache_dir=cache_folder(), revision=revision), str)


def _require_disk(folder: Path, needed: int, ref: str) -> None:
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise UserError(
            f"{ref} takes {needed / 1e9:.1f} GB on disk; {free / 1e9:.1f} GB is free at {place}.",
            "Free some space, or set HF_HOME to a folder on a larger disk.",
        )


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT")


def _api() -> Any:
    from huggingface_hub import HfApi

    return HfApi(endpoint=_endpoint())


def _refuse_offline(fact: str) -> None:
    if offline():
        raise UserError(
            f"{fact}, and HF_HUB_OFFLINE forbids using the network.",
            "Start Unembed without HF_HUB_OFFLINE, or open a model that is on this machine.",
        )


@contextmanager
def hub_errors(ref: str) -> Iterator[None]:
    """Turn what the hub and its client say into sentences."""
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise UserError(
            f"{ref} is gated: its owner wants to be asked.",
            f"Accept its terms at https://huggingface.co/{ref}, then start Unembed with HF_TOKEN set to your token.",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{ref} has no such revision.", "Leave the revision away to get the newest.") from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise UserError(
            f"The hub knows no model “{ref}”, or it is private.",
            "Check the spelling (owner/name), or search for it. A private model needs HF_TOKEN.",
        ) from error
    except (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError, httpx2.TransportError) as error:
        raise UserError(
            f"The hub could not be reached for “{ref}”.",
            "Check the network; models under “Computer” and the bundled ones open without it.",
        ) from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "an error")
        raise UserError(f"The hub answered {status} for “{ref}”.", "Try again in a while.") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise UserError(
                "The disk is full, so the download stopped.", "Free some space and start it again."
            ) from error
        if isinstance(error, PermissionError):
            raise UserError(f"{error.filename} cannot be written.", "Set HF_HOME to a folder that is yours.") from error
        raise
