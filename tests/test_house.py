"""The house stands as `app/README.md` says, where import-linter cannot see it: by names, at run time, in the pins.

import-linter's contracts (pyproject.toml) run before the tests, in the same command.
"""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Signal

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "app"
HEAVY = ("torch", "transformers", "peft", "accelerate")
QT = ("PySide6", "shiboken6", "pyqtgraph")
# What a window may know of the engine: what crosses the thread border, and what a form is made from.
TORCH_FREE = re.compile(r"app\.engine\.(errors|\w+\.records|(decode|finetune)\.settings)")


def modules_under(*folders: str) -> Iterator[tuple[str, Path]]:
    """(dotted name, file) of every module in these folders of the app."""
    for folder in folders:
        for file in sorted((APP / folder).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


def imports_of(file: Path) -> Iterator[str]:
    """Every name that a file imports, anywhere in it: the module, and module.name for each name taken from it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def loaded_after(statement: str, unwanted: tuple[str, ...]) -> list[str]:
    """Which of the unwanted packages a fresh Python has loaded once it has run the statement."""
    script = f"{statement}\nimport sys\nprint(*[name for name in {unwanted!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def without_torch() -> list[str]:
    """Packages and modules that a window imports, or a notebook before it decides to load anything."""
    engine = [name for name, _ in modules_under("engine")]
    packages = [name for name, file in modules_under("engine") if file.name == "__init__.py"]
    return packages + [name for name in engine if TORCH_FREE.fullmatch(name) and name not in packages]


@pytest.mark.parametrize("module", without_torch())
def test_engine_module_imports_without_torch_and_qt(module: str) -> None:
    assert loaded_after(f"import {module}", HEAVY + QT) == []


@pytest.mark.parametrize("module", ["app.ui.window", "main"])
def test_window_imports_without_torch(module: str) -> None:
    assert loaded_after(f"import {module}", HEAVY) == []


def test_engine_in_use_loads_no_qt() -> None:
    use = "from app.engine.models import load; from app.engine.trace import trace; from app.engine.decode import stream"
    assert loaded_after(use, (*QT, "torch")) == ["torch"]  # torch is there, so the names were the engine's own


def test_window_knows_only_the_engines_torch_free_modules() -> None:
    seen = {(name, found) for name, file in modules_under("ui") for found in imports_of(file)}
    assert seen, "app/ui holds modules, and they import something"
    engine = {(name, found) for name, found in seen if found == "app.engine" or found.startswith("app.engine.")}
    allowed = {(name, found) for name, found in engine if TORCH_FREE.match(found)}
    assert engine - allowed == set()


def test_session_and_jobs_use_only_qt_core() -> None:
    seen = {(name, found) for name, file in modules_under("session", "jobs") for found in imports_of(file)}
    assert seen, "app/session and app/jobs hold modules, and they import something"
    qt = {(name, found) for name, found in seen if found.split(".")[0] in QT}
    assert {(name, found) for name, found in qt if found.split(".")[:2] != ["PySide6", "QtCore"]} == set()


def requirements() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.lower().replace("_", "-").split("==") for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("requirement", requirements())
def test_what_is_required_is_pinned_and_installed_so(requirement: str) -> None:
    name = re.split(r"[<>=!~ ;\[]", requirement)[0].lower()
    assert importlib.metadata.version(name).split("+")[0] == pins()[name]


class Emitter(QObject):
    changed = Signal(bool)


def test_emitting_keeps_the_references_to_true() -> None:
    """PySide6 6.12.0 on Python 3.11 drops one at every emit, until the process aborts."""
    emitter = Emitter()
    before = sys.getrefcount(True)
    for _ in range(100_000):
        emitter.changed.emit(True)
    assert abs(sys.getrefcount(True) - before) < 1_000
