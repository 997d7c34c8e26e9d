"""What can be opened, and where it lies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.engine.errors import UserError
from app.engine.models.adapter_folder import WEIGHTS, is_adapter, no_base, read_adapter
from app.engine.models.folder import gguf, has_tokenizer, read_json, require_tokenizer, weight_files
from app.engine.models.hub import cache_folder, cached_folder, looks_like_hub_id
from app.engine.models.kinds import kind_of
from app.engine.models.records import Adapter, ModelEntry

BUNDLED_FOLDER = Path(__file__).resolve().parents[3] / "resources" / "models"


def bundled_models() -> tuple[str, ...]:
    """The names of the models that come with the application, sorted."""
    if not BUNDLED_FOLDER.is_dir():
        return ()
    return tuple(sorted(path.parent.name for path in BUNDLED_FOLDER.glob("*/config.json")))


def entry_of(folder: Path, ref: str, source: str) -> ModelEntry:
    """What a folder's files tell about the model in it."""
    if is_adapter(folder):
        return _adapter_entry(folder, ref, source)
    try:
        config = read_json(folder / "config.json")
        files = weight_files(folder)
        require_tokenizer(folder)
        problem = ""
    except UserError as error:
        config = config_or_nothing(folder)
        files, problem = [], str(error)
    size = sum(path.stat().st_size for path in files or folder.glob("*") if path.is_file())
    return ModelEntry(ref, ref, source, str(config.get("model_type", "")), kind_of(config), size, problem)


def _adapter_entry(folder: Path, ref: str, source: str) -> ModelEntry:
    """An adapter, with family and kind of its base where that is on this machine."""
    config: dict[str, Any] = {}
    adapter, problem = None, ""
    try:
        adapter = read_adapter(folder)
        # A base that must be fetched first is no problem.
        if is_here(adapter.base) or not looks_like_hub_id(adapter.base):
            base = base_folder(adapter)
            config = read_json(base / "config.json")
            weight_files(base)
            require_tokenizer(folder if has_tokenizer(folder) else base)
    except UserError as error:
        problem = str(error)
    size = (folder / WEIGHTS).stat().st_size if (folder / WEIGHTS).exists() else 0
    family = str(config.get("model_type", ""))
    return ModelEntry(ref, ref, source, family, kind_of(config), size, problem, adapter=adapter)


def config_or_nothing(folder: Path) -> dict[str, Any]:
    """The config where it can be read, else an empty one."""
    try:
        return read_json(folder / "config.json")
    except UserError:
        return {}


SHOWS = {
    "bart-en-fr": "translates, with cross-attention",
    "story-bert": "fills gaps, looks both ways",
    "story-bert-sentiment": "praise or complaint",
    "story-gpt": "writes stories on",
}


def bundled_entries() -> tuple[ModelEntry, ...]:
    """The models that come with the application, each with what it can show."""
    return tuple(
        replace(entry_of(BUNDLED_FOLDER / name, name, "bundled"), shows=SHOWS.get(name, ""))
        for name in bundled_models()
    )


def folder_entries(folders: Iterable[str]) -> tuple[ModelEntry, ...]:
    """Folders that were opened before; those that are gone are left out."""
    return tuple(entry_of(Path(name), name, "folder") for name in folders if Path(name).is_dir())


def cache_entries() -> tuple[ModelEntry, ...]:
    """The models in this machine's Hugging Face cache, by name; of each the newest snapshot."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        found = scan_cache_dir(cache_folder())
    except CacheNotFound:
        return ()
    entries = []
    for repo in sorted(found.repos, key=lambda repo: repo.repo_id.lower()):
        if repo.repo_type == "model" and repo.revisions:
            newest = max(repo.revisions, key=lambda revision: revision.last_modified)
            entries.append(entry_of(newest.snapshot_path, repo.repo_id, "cache"))
    return tuple(entries)


def is_here(ref: str | Path) -> bool:
    """Whether `ref` names something on this machine, so that nothing has to be fetched to look at it."""
    try:
        folder = resolve(ref)
        if is_adapter(folder):
            base_folder(read_adapter(folder))
    except UserError:
        return False
    return True


def resolve(ref: str | Path) -> Path:
    """The folder that `ref` names: a bundled model, a folder on this machine, or a hub id that is in the cache.

    Raises UserError when it is none of them.
    """
    name = str(ref)
    if name in bundled_models():
        return BUNDLED_FOLDER / name
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_file():
        if folder.suffix == ".gguf":
            raise gguf(name)
        raise UserError(f"“{name}” is a file; a model is a folder.", "Open the folder that holds config.json.")
    if looks_like_hub_id(name) and (cached := cached_folder(name)) is not None:
        return cached
    known = ", ".join(bundled_models()) or "none"
    raise UserError(
        f"There is no model called “{name}”.",
        f"Give a folder on this machine, a hub id (owner/name), or one of the bundled models ({known}).",
    )


def base_folder(adapter: Adapter) -> Path:
    """Where the base of an adapter lies on this machine. Raises UserError when it does not, or is one itself."""
    try:
        folder = resolve(adapter.base)
    except UserError as error:
        raise no_base(adapter, error) from error
    require_base(adapter, folder)
    return folder


def require_base(adapter: Adapter, folder: Path) -> None:
    """Raise UserError when the folder of an adapter's base holds another adapter."""
    if is_adapter(folder):
        raise no_base(adapter, UserError(f"In {folder} lies another adapter.", "Name the model beneath both."))
