"""The module tree and the tokenizer as records, against the model's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.engine.models.modules import module_rows
from app.engine.models.vocabulary import search_vocabulary, tokenizer_facts


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma2", "phi"])
def test_the_tree_is_the_models(family: str, tiny: Callable[[str], LoadedModel]) -> None:
    loaded = tiny(family)
    rows = module_rows(loaded)
    model = loaded.model
    assert [row.path for row in rows] == [name for name, _ in model.named_modules(remove_duplicate=False)]
    assert rows[0].parameters == model.num_parameters()
    for row in rows:
        module = model.get_submodule(row.path)
        assert row.type == type(module).__name__
        for name, shape, _ in row.tensors:
            assert tuple(getattr(module, name).shape) == shape
        if not row.shares and row.path:
            assert row.parameters == sum(parameter.numel() for parameter in module.parameters())


def test_tied_embeddings_count_once(tiny: Callable[[str], LoadedModel]) -> None:
    rows = {row.path: row for row in module_rows(tiny("gpt2"))}
    assert rows["lm_head"].shares == "transformer.wte.weight"
    assert rows["lm_head"].parameters == 0
    assert rows["transformer.wte"].role == "token embedding"
    assert rows["transformer.h.1.attn"].role == "attention"


def test_the_tokenizer_and_its_vocabulary() -> None:
    loaded = load("story-gpt")
    facts = tokenizer_facts(loaded.tokenizer)
    assert (facts.type, facts.size, facts.chat_template) == ("BPE", len(loaded.tokenizer), "")
    assert ("end of text", loaded.tokenizer.eos_token, loaded.tokenizer.eos_token_id) in facts.special
    found = search_vocabulary(loaded.tokenizer, "rabbit")
    assert found and all("rabbit" in entry.text.lower() for entry in found)
    for entry in found:
        assert loaded.tokenizer.decode([entry.id]) == entry.text
    by_id = search_vocabulary(loaded.tokenizer, "615")
    assert 615 in [entry.id for entry in by_id]
    assert [entry.id for entry in search_vocabulary(loaded.tokenizer, "", limit=5)] == [0, 1, 2, 3, 4]
