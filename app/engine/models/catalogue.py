"""What can be opened, and where it lies."""

from __future__ import annotations

from pathlib import Path

from app.engine.errors import UserError

BUNDLED_FOLDER = Path(__file__).resolve().parents[3] / "resources" / "models"


def bundled_models() -> tuple[str, ...]:
    """The names of the models that come with the application, sorted."""
    if not BUNDLED_FOLDER.is_dir():
        return ()
    return tuple(sorted(path.parent.name for path in BUNDLED_FOLDER.glob("*/config.json")))


def resolve(ref: str | Path) -> Path:
    """The folder that `ref` names: a bundled model's name or a folder on this machine.

    Raises UserError when it is neither.
    """
    name = str(ref)
    if name in bundled_models():
        return BUNDLED_FOLDER / name
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise UserError(f"“{name}” is a file; a model is a folder.", "Open the folder that holds config.json.")
    known = ", ".join(bundled_models()) or "none"
    raise UserError(
        f"There is no model called “{name}”.",
        f"Give a folder on this machine, or one of the bundled models ({known}).",
    )
