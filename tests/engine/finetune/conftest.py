"""The bundled models, opened once; no test changes them."""

from __future__ import annotations

import pytest

from app.engine.models import load
from app.engine.models.loaded import LoadedModel


@pytest.fixture(scope="session")
def story() -> LoadedModel:
    return load("story-gpt")


@pytest.fixture(scope="session")
def bert() -> LoadedModel:
    return load("story-bert")


@pytest.fixture(scope="session")
def bart() -> LoadedModel:
    return load("bart-en-fr")
