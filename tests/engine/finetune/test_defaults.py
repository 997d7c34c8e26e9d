"""What a run begins with goes by the model's size and the method, and every such setting says why."""

from __future__ import annotations

import pytest

from app.engine.finetune.defaults import SETTINGS, defaults_for, moved, reasons_for
from app.engine.finetune.settings import METHODS, FinetuneSettings, knobs


@pytest.mark.parametrize("method", METHODS)
def test_larger_models_take_smaller_steps_and_batches(method: str) -> None:
    sizes = [4_300_000, 124_000_000, 7_000_000_000, 70_000_000_000]
    made = [defaults_for(size, method) for size in sizes]
    rates = [each.learning_rate for each in made]
    assert rates == sorted(rates, reverse=True) and len(set(rates)) == 4
    assert [each.batch_size for each in made] == [8, 8, 2, 1]
    assert [each.checkpointing for each in made] == [False, False, True, True]
    assert {each.method for each in made} == {method}
    changed = {name for each in made for name in knobs() if getattr(each, name) != getattr(FinetuneSettings(), name)}
    assert changed - {"method"} <= set(SETTINGS)
    for size in sizes:
        reasons = reasons_for(size, method)
        assert set(reasons) == set(SETTINGS) and all(words.endswith(".") for words in reasons.values())
    assert all(
        full.learning_rate < lora.learning_rate
        for full, lora in ((defaults_for(size, "full"), defaults_for(size, "lora")) for size in sizes)
    )


def test_what_the_person_chose_stays() -> None:
    before, now = defaults_for(4_300_000, "lora"), defaults_for(7_000_000_000, "lora")
    settings = FinetuneSettings(learning_rate=before.learning_rate, rank=5, epochs=before.epochs)
    changes = moved(settings, before, now)
    assert changes["learning_rate"] == 2e-4 and changes["epochs"] == 1 and "rank" not in changes
