"""By what a model, a text and a measurement are known again, so that no old figure passes for a new one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.engine.errors import UserError
from app.engine.evaluate.records import Plan
from app.engine.texts.records import FILE, HUB, PASTED, TextSource
from app.session.measured import Contender

_SUFFIXES = (".safetensors", ".json", ".model", ".txt", ".jinja")
_PIECE = 16 << 20


@dataclass(frozen=True)
class Marks:
    """What a look at the files of the table's rows and columns found."""

    models: tuple[str, ...]
    """One a row, '' where the model cannot be found."""
    texts: tuple[str, ...]
    """One a column, '' where the text cannot be read."""
    sizes: tuple[int, ...]
    """Bytes of each text's source; 0 while unknown."""
    problems: tuple[str, ...]
    """Why a text cannot be read."""
    versions: str
    revisions: tuple[str, ...] = ()
    """The commit of every text that is a dataset of the hub, else ''."""
    missing: tuple[str, ...] = ()
    """Why a model cannot be found, one a row."""
    kinds: tuple[str, ...] = ()
    """Of each model what its config says it is, "encoder-decoder" for one; '' where that is not known."""


def asked(plan: Plan) -> str:
    """The windows that were asked for, in a few letters."""
    window = "auto" if plan.window is None else str(plan.window)
    if plan.name == "lm-eval":
        return f"lm-eval {window}"
    return "auto" if plan.window is None and plan.stride is None else f"{window}/{plan.stride or 'auto'}"


def key(contender: Contender, model: str, text: str, plan: Plan, versions: str) -> str:
    """Of everything that a figure depends on; '' where something of it is not there."""
    if not model or not text:
        return ""
    parts = (model, contender.precision, contender.device, text, asked(plan), versions)
    return _hash("\x1f".join(parts).encode())[:32]


def cell(contender: Contender, text: TextSource) -> str:
    """By what a cell is found again after its inputs changed: the names, not what is behind them."""
    where = (text.kind, text.path or text.name, text.column, text.source_column, text.split, text.config)
    return "\x1f".join((contender.ref, contender.precision, contender.device, *where))


def look(
    contenders: Sequence[Contender], texts: Sequence[TextSource], asked_lately: Mapping[TextSource, str]
) -> Generator[Any, None, Marks]:
    """Look at every file: names, sizes and times, without reading what is in it. The hub is asked for the commits of
    its datasets, but for those of `asked_lately`."""
    from app.engine.texts.hub import revision_of
    from app.engine.texts.source import fingerprint

    models, missing, kinds, marks, sizes, problems, revisions = [], [], [], [], [], [], []
    for contender in contenders:
        yield None
        try:
            models.append(mark_of_model(contender.ref))
            kinds.append(kind_of_model(contender.ref))
            missing.append("")
        except (UserError, OSError) as error:
            fetched = _can_be_fetched(contender.ref)
            models.append(f"hub {contender.ref}" if fetched else "")
            kinds.append("")
            missing.append("" if fetched else str(error))
    for text in texts:
        yield None
        revision, size = "", 0
        try:
            if text.kind == HUB:
                revision = asked_lately.get(text) or revision_of(text)
            mark, size, problem = fingerprint(replace(text, revision=revision)), _size_of(text), ""
        except (UserError, OSError) as error:
            mark, problem = "", str(error)
        marks.append(mark)
        sizes.append(size)
        problems.append(problem)
        revisions.append(revision)
    return Marks(
        tuple(models),
        tuple(marks),
        tuple(sizes),
        tuple(problems),
        versions(),
        tuple(revisions),
        tuple(missing),
        tuple(kinds),
    )


def kind_of_model(ref: str) -> str:
    """What the config in a model's folder, or in that of an adapter's base, says it is; '' where it does not."""
    from app.engine.models.adapter_folder import is_adapter, read_adapter
    from app.engine.models.catalogue import base_folder, resolve
    from app.engine.models.kinds import kind_of

    folder = resolve(ref)
    if is_adapter(folder):
        folder = base_folder(read_adapter(folder))
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return kind_of(config) if isinstance(config, dict) else ""


def _can_be_fetched(ref: str) -> bool:
    """Whether a model that is not here will be downloaded when it is measured."""
    from app.engine.models.hub import looks_like_hub_id, offline

    return looks_like_hub_id(ref) and not offline() and not Path(ref).exists()


def mark_of_model(ref: str) -> str:
    """Of the names, sizes and times of the files in a model's folder; of an adapter's base too.

    Raises UserError when there is no such model here.
    """
    from app.engine.models.adapter_folder import is_adapter, read_adapter
    from app.engine.models.catalogue import base_folder, resolve

    folder = resolve(ref)
    parts = [f"{file.name} {(stat := file.stat()).st_size} {stat.st_mtime_ns}" for file in _files(folder)]
    if is_adapter(folder):
        parts.append(mark_of_model(str(base_folder(read_adapter(folder)))))
    return _hash("\n".join((str(folder), *parts)).encode())


def contents_of_model(ref: str) -> Generator[None, None, str]:
    """SHA-256 of what `sha256sum` says of those files, sorted by name, an adapter's base after it: the same wherever
    the model lies. A large file takes many steps."""
    from app.engine.models.adapter_folder import is_adapter, read_adapter
    from app.engine.models.catalogue import base_folder, resolve

    folder, lines = resolve(ref), []
    for file in _files(folder):
        found = hashlib.sha256()
        with file.open("rb") as content:
            while piece := content.read(_PIECE):
                found.update(piece)
                yield
        lines.append(f"{found.hexdigest()}  {file.name}\n")
    if is_adapter(folder):
        lines.append((yield from contents_of_model(str(base_folder(read_adapter(folder))))))
    return _hash("".join(lines).encode())


def commit_of_model(ref: str) -> str:
    """The commit of a model of the hub, told from where it lies in the hub's cache; '' for any other folder."""
    from app.engine.models.catalogue import resolve

    folder = resolve(ref)
    return folder.name if folder.parent.name == "snapshots" else ""


def _files(folder: Path) -> list[Path]:
    """What makes a model: its weights, its config, its tokenizer."""
    return [file for file in sorted(folder.iterdir()) if file.is_file() and file.suffix in _SUFFIXES]


def versions() -> str:
    """Of the libraries that compute; told from their metadata, so that none is imported for it."""
    from importlib.metadata import version

    return ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers"))


def _size_of(text: TextSource) -> int:
    """Bytes of a source, 0 where only reading it would tell."""
    if text.kind == PASTED:
        return len(text.text.encode("utf-8", "surrogatepass"))
    return Path(text.path).stat().st_size if text.kind == FILE else 0


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
