"""Tiny models, built once a session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from engine.tiny_models import save_tiny

from app.engine.models import load
from app.engine.models.loaded import LoadedModel

# Their tokenizers put a special token in front of every text.
WITH_SPECIAL = ("llama", "mistral", "gemma2", "gemma3_text", "opt")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], LoadedModel]:
    """`tiny("llama")`: that family, small and random, opened by our own loader."""
    root: Path = tmp_path_factory.mktemp("tiny")

    @cache
    def opened(family: str) -> LoadedModel:
        return load(save_tiny(root / family, family, special=family in WITH_SPECIAL))

    return opened
