"""The logit lens against transformers' own hidden states."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from engine.tiny_models import FAMILIES, SENTENCES

from app.engine.models.loaded import LoadedModel
from app.engine.trace import lens, trace
from app.engine.trace.lens import read_lens


@pytest.mark.parametrize("family", FAMILIES)
def test_every_block_says_what_its_hidden_state_says(tiny: Callable[[str], LoadedModel], family: str) -> None:
    loaded = tiny(family)
    made = trace(loaded, SENTENCES[0])
    position = len(made.tokens) - 3
    reading = read_lens(made, position)
    assert len(reading.rows) == loaded.summary.layers
    ids = torch.tensor([[token.id for token in made.tokens]])
    with torch.no_grad():
        output = loaded.model(ids, output_hidden_states=True, use_cache=False)
        norm = loaded.model.get_submodule(loaded.anatomy.final_norm)
        # hidden_states[i + 1] is the stream after block i; the last one is normed already.
        for row in reading.rows[:-1]:
            logits = loaded.model.get_output_embeddings()(norm(output.hidden_states[row.layer + 1]))[0, position]
            assert row.token_id == int(logits.argmax())
            assert row.rank == int((logits > logits[reading.final_id]).sum())
    own = output.logits[0, position].float()
    last = reading.rows[-1]
    assert (last.token_id, last.rank) == (int(own.argmax()), 0) == (reading.final_id, 0)
    assert last.probability == pytest.approx(float(own.softmax(-1).max()), abs=1e-5)
    assert last.probability == last.final_probability


@pytest.mark.parametrize("family", ["gpt2", "gemma2"])
def test_the_lens_at_every_position_is_that_of_each(
    tiny: Callable[[str], LoadedModel], family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = tiny(family)
    made = trace(loaded, SENTENCES[0])
    # Three rows of logits at a time: where a part ends must not show.
    monkeypatch.setattr(lens, "PART", 3 * 4 * loaded.summary.vocabulary)
    shares, steps = [], lens.lens_map_steps(made)
    while True:
        try:
            shares.append(next(steps))
        except StopIteration as stop:
            whole = stop.value
            break
    assert len(shares) >= loaded.summary.layers * (len(made.tokens) // 3)
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0)
    assert whole.ids.shape == (loaded.summary.layers, len(made.tokens)) == whole.ranks.shape
    for position in range(len(made.tokens)):
        rows = read_lens(made, position).rows
        assert whole.ids[:, position].tolist() == [row.token_id for row in rows]
        assert [texts[position] for texts in whole.texts] == [row.text for row in rows]
        assert whole.ranks[:, position].tolist() == [row.rank for row in rows]
        assert whole.probabilities[:, position] == pytest.approx([row.probability for row in rows], abs=1e-6)
