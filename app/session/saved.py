"""The session as a file: versioned, migrated, written whole or not at all, kept aside when it cannot be read."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from app.engine.decode.settings import BALANCED, DecodingSettings
from app.engine.errors import UserError
from app.session.kept_finetune import KeptFinetune, finetune_back, finetune_to_keep
from app.session.state import SLOTS, OpenRequest, Selection

VERSION = 6
MOST_RECENT = 12


@dataclass(frozen=True)
class Saved:
    """What comes back at the next start."""

    models: Mapping[str, OpenRequest] = field(default_factory=dict)
    prompt: str = ""
    second: str = ""
    """The second sentence of a pair, or the target; '' for none."""
    selection: Selection = field(default_factory=Selection)
    settings: DecodingSettings = BALANCED
    recent: tuple[str, ...] = ()
    """Folders and hub ids that were opened, the newest first."""
    written: str = ""
    """Prompt and text of a recorded session, which its seed writes again; '' in what is saved from start to start."""
    presets: Mapping[str, DecodingSettings] = field(default_factory=dict)
    """Decoding settings that the person gave a name."""
    texts: Mapping[str, Any] = field(default_factory=dict)
    """What was written, as `kept_texts` makes it."""
    finetune: KeptFinetune = field(default_factory=KeptFinetune)


def encode(saved: Saved) -> str:
    """The session as JSON."""
    models = {slot: asdict(request) for slot, request in saved.models.items()}
    content = {
        **vars(saved),
        "models": models,
        "selection": asdict(saved.selection),
        "settings": asdict(saved.settings),
        "presets": {name: asdict(settings) for name, settings in saved.presets.items()},
        "finetune": finetune_to_keep(saved.finetune),
    }
    return json.dumps({"version": VERSION, **content}, ensure_ascii=False)


def decode(text: str) -> Saved:
    """The session from JSON of this version or an older one. Raises ValueError when it cannot be understood."""
    content = json.loads(text)
    if not isinstance(content, dict) or not isinstance(content.get("version"), int):
        raise ValueError("it has no version")
    while (version := content["version"]) < VERSION:
        if version not in _MIGRATIONS:
            raise ValueError(f"its version {version} is not known")
        content = {**_MIGRATIONS[version](content), "version": version + 1}
    if content["version"] > VERSION:
        raise ValueError(f"it was written by a newer Unembed (version {content['version']})")
    try:
        return Saved(
            models={slot: OpenRequest(**request) for slot, request in content["models"].items() if slot in SLOTS},
            prompt=str(content["prompt"]),
            second=str(content["second"]),
            selection=Selection(**content["selection"]),
            settings=DecodingSettings(**content["settings"]),
            recent=tuple(map(str, content["recent"])),
            written=str(content["written"]),
            presets={str(name): DecodingSettings(**settings) for name, settings in content["presets"].items()},
            texts=dict(content["texts"]),
            finetune=finetune_back(content["finetune"]),
        )
    except (KeyError, TypeError, AttributeError, UserError) as error:
        raise ValueError(f"a part of it is missing or wrong ({error})") from error


def _from_1(content: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew one model, by its name or folder alone, and nothing of recent ones."""
    ref = content.pop("model", None)
    models = {"A": asdict(OpenRequest(ref))} if ref else {}
    return {**content, "models": models, "recent": []}


def _from_2(content: dict[str, Any]) -> dict[str, Any]:
    """Version 2 knew one text."""
    return {**content, "second": ""}


def _from_3(content: dict[str, Any]) -> dict[str, Any]:
    """Version 3 recorded no text and had no presets of the person's own."""
    return {**content, "written": "", "presets": {}, "texts": []}


def _from_4(content: dict[str, Any]) -> dict[str, Any]:
    """Version 4 knew nothing of finetuning."""
    return {**content, "finetune": finetune_to_keep(KeptFinetune())}


def _from_5(content: dict[str, Any]) -> dict[str, Any]:
    """Version 5 kept what model A wrote, without saying which that was, and no search."""
    a = content["models"].get("A")
    if a is None or not content["texts"]:
        return {**content, "texts": {}}
    told = {"model": OpenRequest(**a).name, "kind": "", "ref": a["ref"], "precision": ""}
    told |= {"searched": None, "adapter": "", "found_by": ""}
    texts = [{**told, **text, "steps": [_step_from_5(step) for step in text["steps"]]} for text in content["texts"]]
    return {**content, "texts": {"branches": texts, "current": len(texts) - 1, "best": None}}


def _step_from_5(step: list[Any]) -> list[Any]:
    """It did not keep what the token that ended a text is called."""
    first, ends, rare = step[:6], step[6], step[7:] or [False, None]
    return [*first, "" if ends else None, *rare] if ends or step[7:] else first


_MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = MappingProxyType(
    {1: _from_1, 2: _from_2, 3: _from_3, 4: _from_4, 5: _from_5}
)


def read(path: Path) -> tuple[Saved, str]:
    """The saved session and a note for the person; an empty session when there is none.

    A file that cannot be read is kept beside it under another name, and the note says so.
    """
    try:
        return decode(path.read_text(encoding="utf-8")), ""
    except FileNotFoundError:
        return Saved(), ""
    except (ValueError, OSError) as error:
        aside = path.with_name(f"{path.stem}-unreadable-{time.strftime('%Y%m%d-%H%M%S')}{path.suffix}")
        try:
            path.replace(aside)
        except OSError:
            aside = path
        return Saved(), f"The last session could not be read: {error}. It is kept as {aside}."


def write(path: Path, text: str) -> None:
    """Replace the file in one step: whoever reads it, even after a crash, finds the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with part.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)


def with_recent(recent: tuple[str, ...], ref: str) -> tuple[str, ...]:
    """`ref` put first."""
    return (ref, *(other for other in recent if other != ref))[:MOST_RECENT]
