"""The logit lens against transformers' own hidden states."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from engine.tiny_models import FAMILIES, SENTENCES

from app.engine.models.loaded import LoadedModel
from app.engine.trace import trace
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
