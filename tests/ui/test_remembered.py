"""What the window remembers, and what it does with a file that it cannot read."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QSplitter
from pytestqt.qtbot import QtBot
from ui.desk import Desk

from app.ui import remembered
from app.ui.theme import Theme

SIZE = (1440, 900)


@pytest.fixture(autouse=True)
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("app.ui.remembered.QStandardPaths.writableLocation", lambda _: str(tmp_path), raising=True)
    return tmp_path / "window.ini"


def test_splitters_and_size_come_back(qtbot: QtBot, theme: Theme, own_file: Path) -> None:
    first = Desk(qtbot, theme, remembering=True)
    first.window.resize(*SIZE)
    first.window.show()
    names = [each.objectName() for each in first.window.findChildren(QSplitter)]
    assert all(names) and len(set(names)) == len(names), "each is remembered by a name of its own"
    splitter = first.window.findChild(QSplitter, "generate whole")
    first.window.show_page("generate")
    splitter.setSizes([400, 640])
    sizes = splitter.sizes()
    assert abs(sizes[0] - 400) < 10, "there is room for it"
    output = first.generate.output
    output.colours.setCurrentText("Surprisal")
    output.paces.setCurrentText("1 a second")
    theme.set_choice("dark")
    assert remembered.open_settings().value("theme") == "dark", "a killed program comes back in it, too"
    theme.set_choice("light")
    geometry = first.window.saveGeometry()
    first.window.close()
    assert own_file.exists()
    settings = remembered.open_settings()
    # Whether the size comes back is up to the screen: the platform of the tests has one of 800 by 800.
    assert settings.value("geometry") == geometry
    assert settings.value("page") == "generate"
    assert settings.value("theme") == theme.choice
    second = Desk(qtbot, theme)
    remembered.restore_place(second.window)
    remembered.restore_parts(second.window)
    second.window.resize(*SIZE)
    second.window.show_page("generate")
    second.window.show()
    again = second.window.findChild(QSplitter, "generate whole").sizes()
    assert abs(again[0] - sizes[0]) < 30
    assert second.generate.output.colours.currentText() == "Surprisal"
    assert second.session.generation.pacing.per_second == 1.0
    second.window.close()


def test_a_broken_file_does_no_harm(qtbot: QtBot, theme: Theme, own_file: Path) -> None:
    own_file.write_bytes(b"\x00\xff geometry=@ByteArray(nonsense)\n[splitter\n")
    desk = Desk(qtbot, theme)
    remembered.restore_place(desk.window)
    remembered.restore_parts(desk.window)
    desk.window.show()
    assert desk.window.isVisible()
    desk.window.close()


def test_where_runs_are_kept_is_remembered_while_it_is_there(tmp_path: Path) -> None:
    usual, chosen = tmp_path / "usual", tmp_path / "chosen"
    assert remembered.runs_folder(usual) == usual
    chosen.mkdir()
    remembered.remember_runs(chosen)
    remembered.remember_runs(None)
    assert remembered.runs_folder(usual) == chosen
    chosen.rmdir()
    assert remembered.runs_folder(usual) == usual
