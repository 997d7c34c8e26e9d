"""What can be opened, and where it lies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.engine.errors import UserError
from app.engine.models.folder import gguf, read_json, require_tokenizer, weight_files
from app.engine.models.hub import cache_folder, cached_folder, looks_like_hub_id
from app.engine.models.kinds import kind_of
from app.engine.models.records import ModelEntry

BUNDLED_FOLDER = Path(__file__).resolve().parents[3] / "resources" / "models"


def bundled_models() -> tuple[str, ...]:
    """The names of the models that come with the application, sorted."""
    if not BUNDLED_FOLDER.is_dir():
        return ()
    return tuple(sorted(path.parent.name for path in BUNDLED_FOLDER.glob("*/config.json")))


def entry_of(folder: Path, ref: str, source: str) -> ModelEntry:
    """What a folder's files tell about the model in it."""
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
        resolve(ref)
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
