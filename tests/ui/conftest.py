"""A window on the bundled model, new for every test, and the engine's own view of that model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget
from pytestqt.qtbot import QtBot
from ui.desk import Desk, open_desk

from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.ui.theme import Theme


@pytest.fixture(scope="session")
def theme(qapp: QApplication) -> Theme:
    made = Theme("light")
    made.apply(qapp)
    return made


@pytest.fixture
def qtbot(qtbot: QtBot, theme: Theme) -> QtBot:
    """A widget that stands alone wears the style sheet that it has inside the window."""
    keep = qtbot.addWidget

    def dress_and_keep(widget: QWidget, **more: Any) -> None:
        if not isinstance(widget, QMainWindow):
            theme.dress(widget)
        keep(widget, **more)

    qtbot.addWidget = dress_and_keep
    return qtbot


@pytest.fixture
def desk(qtbot: QtBot, theme: Theme) -> Iterator[Desk]:
    with open_desk(qtbot, theme) as opened:
        yield opened


@pytest.fixture(scope="session")
def story() -> LoadedModel:
    """The bundled model, opened once more beside the window's."""
    return load("story-gpt")
