"""The generators behind the library and the structure of a model; torch is imported in their bodies."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from app.session.state import OpenModel

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel
    from app.engine.models.records import (
        Devices,
        Estimate,
        HubEntry,
        ModelEntry,
        ModuleRow,
        TokenizerFacts,
        VocabularyEntry,
    )
    from app.engine.trace.records import Exactness


def entries(recent: tuple[str, ...]) -> Generator[tuple[ModelEntry, ...], None, None]:
    """Bundled models at once, then with the folders opened before, then with the hub's cache."""
    from app.engine.models.catalogue import bundled_entries, cache_entries, folder_entries

    found = bundled_entries()
    yield found
    found += folder_entries(recent)
    yield found
    yield found + cache_entries()


def devices() -> Generator[None, None, Devices]:
    """Where a model can run."""
    yield None
    from app.engine.models.devices import find_devices

    return find_devices()


def estimated(ref: str, device: str, precision: str, opened: tuple[OpenModel, ...]) -> Generator[None, None, Estimate]:
    """What opening would take, beside what closing the models on the same device returns."""
    yield None
    from app.engine.models.devices import choose_device
    from app.engine.models.estimate import estimate

    place = choose_device(device).partition(":")[0]
    returned = sum(model.size for model in opened if model.device.partition(":")[0] == place)
    return estimate(ref, device, precision, returned)


def search(text: str) -> Generator[None, None, tuple[HubEntry, ...]]:
    """Models on the hub."""
    yield None
    from app.engine.models.hub import search as search_hub

    return search_hub(text)


def structure(loaded: LoadedModel) -> Generator[Any, None, tuple[tuple[ModuleRow, ...], TokenizerFacts]]:
    """The module tree and the tokenizer's facts."""
    from app.engine.models.modules import module_rows
    from app.engine.models.vocabulary import tokenizer_facts

    rows = module_rows(loaded)
    yield None
    return rows, tokenizer_facts(loaded.tokenizer)


def exactness(loaded: LoadedModel) -> Generator[None, None, Exactness]:
    """How far the view of this model lies from the untouched model."""
    yield None
    from app.engine.trace.exactness import measure_exactness

    return measure_exactness(loaded)


def vocabulary(loaded: LoadedModel, text: str) -> Generator[None, None, tuple[VocabularyEntry, ...]]:
    """Entries of the vocabulary that hold a text."""
    yield None
    from app.engine.models.vocabulary import search_vocabulary

    return search_vocabulary(loaded.tokenizer, text)
