"""The bundled sets: which are offered to a model, and what they ask of it."""

from __future__ import annotations

import pytest

from app.engine.finetune.settings import FinetuneSettings
from app.engine.models.records import ModelSummary
from app.ui.pages.finetune.explanations import explain_method
from app.ui.pages.finetune.sample_sets import SETS, fitting


def model(kind: str, answer: str, mask: str = "") -> ModelSummary:
    sizes = {"parameters": 0, "block_parameters": (), "context": 64, "vocabulary": 9, "layers": 1, "heads": 1}
    more = {"kv_heads": 1, "width": 8, "head_dim": 8, "mlp_width": 8, "position": "", "precision": "", "device": ""}
    names = {"ref": "", "name": "", "family": "", "architecture": ""}
    return ModelSummary(**names, **sizes, **more, kind=kind, answer=answer, mask_token=mask)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "answer", "offered"),
    [
        ("decoder", "next token", ["pirate-tales", "questions"]),
        ("encoder", "masked token", ["pirate-tales"]),
        ("encoder-decoder", "next token", ["questions"]),
        ("encoder", "class", []),
        ("decoder", "", []),
    ],
)
def test_what_fits_is_offered(kind: str, answer: str, offered: list[str]) -> None:
    assert [each.key for each in fitting(model(kind, answer))] == offered
    advised = explain_method(FinetuneSettings(), model(kind, answer), None).try_this
    assert (offered or ["examples of your own"])[0].replace("-", " ") in advised


def test_a_model_that_fills_gaps_is_given_gaps() -> None:
    for each in fitting(model("encoder", "masked token", "<mask>")):
        prompts = each.settings(model("encoder", "masked token", "<mask>")).prompts
        assert prompts and all("<mask>" in prompt for prompt in prompts)
    assert fitting(None) == SETS
    assert not any("{" in prompt for each in SETS for prompt in each.settings(None).prompts)
