"""The model most tests of the loop share."""

from __future__ import annotations

import pytest
from engine.decode.decode_models import Loaded, build


@pytest.fixture(scope="session")
def gpt2() -> Loaded:
    """Small, random, untouched by the tests."""
    return build("gpt2")
