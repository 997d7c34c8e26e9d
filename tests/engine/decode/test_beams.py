"""Beam search equals `generate()` token for token and score for score, in every family."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from engine.decode.decode_models import FAMILIES, SEQ2SEQ, VOCABULARY, Loaded, build

from app.engine.decode import BeamTree, DecodingSettings, beam_search, stream
from app.engine.decode.batch import stream_batch
from app.engine.decode.beams import grow_beams
from app.engine.decode.kept import KeptForward
from app.engine.errors import Cancelled, UserError

PROMPT = "The quick brown fox"
BEAM = DecodingSettings(method="beam", num_beams=4, num_sequences=4, max_new_tokens=16)


def generated(loaded: Loaded, seed: int | None = None, **arguments: Any) -> list[tuple[list[int], float]]:
    """New ids, padding removed, and scores of transformers' own beam search."""
    ids = torch.tensor([loaded.tokenizer(PROMPT)["input_ids"]])
    if seed is not None:
        torch.manual_seed(seed)
    made = loaded.model.generate(
        ids,
        **{"max_new_tokens": 16, "num_beams": 4, "num_return_sequences": 4, "do_sample": False, **arguments},
        early_stopping=False,
        output_scores=True,
        return_dict_in_generate=True,
    )
    start = 1 if loaded.kind == "encoder-decoder" else ids.shape[1]
    eos = loaded.model.generation_config.eos_token_id
    ends = eos if isinstance(eos, list) else [eos]
    texts = []
    for row in made.sequences[:, start:].tolist():
        end = next((place + 1 for place, token in enumerate(row) if token in ends), len(row))
        texts.append(row[:end])
    return list(zip(texts, made.sequences_scores.tolist(), strict=True))


def found(tree: BeamTree) -> list[tuple[list[int], float]]:
    return [(list(text.ids), text.score) for text in tree.sequences]


def assert_same(ours: list[tuple[list[int], float]], theirs: list[tuple[list[int], float]]) -> None:
    assert [ids for ids, _ in ours] == [ids for ids, _ in theirs]
    assert [score for _, score in ours] == pytest.approx([score for _, score in theirs], abs=1e-4)


def ended_early(loaded: Loaded) -> Loaded:
    """An EOS that the model's favourites meet, so that beams end at different lengths."""
    plain = beam_search(loaded, PROMPT, replace(BEAM, num_sequences=1)).sequences[0].ids
    others = beam_search(loaded, PROMPT, BEAM).sequences[2].ids
    loaded.model.generation_config.eos_token_id = [plain[5], others[8]]
    return loaded


@pytest.mark.parametrize("family", [*FAMILIES, *SEQ2SEQ])
def test_every_family(family: str) -> None:
    loaded = build(family)
    assert_same(found(beam_search(loaded, PROMPT, BEAM)), generated(loaded))


@pytest.mark.parametrize("family", [*FAMILIES, *SEQ2SEQ])
@pytest.mark.parametrize("length_penalty", [1.0, -0.5, 2.0])
def test_beams_that_end_early(family: str, length_penalty: float) -> None:
    loaded = ended_early(build(family))
    ours = beam_search(loaded, PROMPT, replace(BEAM, length_penalty=length_penalty))
    assert_same(found(ours), generated(loaded, length_penalty=length_penalty))


def test_the_early_ends_are_met() -> None:
    tree = beam_search(ended_early(build("llama")), PROMPT, replace(BEAM, length_penalty=-0.5))
    assert any(node.ended and node.step < 15 for node in tree.nodes)
    assert not any(node.at_limit for node in tree.nodes if node.step < 15)
    cut = [node for node in beam_search(build("llama"), PROMPT, BEAM).nodes if node.ended]
    assert cut and all(node.at_limit and node.step == 15 for node in cut), "no end token, so only the limit ends a text"
    assert len({len(text.ids) for text in tree.sequences}) > 1


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (dict(num_beams=2, num_sequences=1), dict(num_beams=2, num_return_sequences=1)),
        (dict(num_beams=7, num_sequences=3), dict(num_beams=7, num_return_sequences=3)),
        (dict(repetition_penalty=1.4), dict(repetition_penalty=1.4)),
        (dict(no_repeat_ngram=2), dict(no_repeat_ngram_size=2)),
        (dict(min_new_tokens=9), dict(min_new_tokens=9)),
        (dict(banned=tuple(range(60, 160))), dict(suppress_tokens=list(range(60, 160)))),
    ],
)
@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_settings(family: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    loaded = ended_early(build(family))
    assert_same(found(beam_search(loaded, PROMPT, replace(BEAM, **ours))), generated(loaded, **theirs))


@pytest.mark.parametrize("family", ["gpt2", "mistral", "bart", "t5"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        (dict(temperature=0.7), dict(temperature=0.7)),
        (dict(top_p=0.8, temperature=1.3), dict(top_p=0.8, temperature=1.3)),
        (dict(top_k=20), dict(top_k=20)),
        (dict(typical_p=0.9), dict(typical_p=0.9)),
        (dict(min_p=0.02), dict(min_p=0.02)),
    ],
)
def test_beam_sampling_draws_the_same_numbers(family: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """The same seed gives the same texts as `generate()` with the global generator seeded."""
    loaded = build(family)
    settings = replace(BEAM, method="beam_sample", seed=11, **ours)
    theirs = {"top_k": 0, **theirs}
    assert_same(found(beam_search(loaded, PROMPT, settings)), generated(loaded, 11, do_sample=True, **theirs))


def test_one_beam_is_greedy_search() -> None:
    loaded = ended_early(build("qwen3"))
    ids = torch.tensor([loaded.tokenizer(PROMPT)["input_ids"]])
    theirs = loaded.model.generate(ids, do_sample=False, max_new_tokens=16)[0, ids.shape[1] :].tolist()
    tree = beam_search(loaded, PROMPT, replace(BEAM, num_beams=1, num_sequences=1))
    assert list(tree.sequences[0].ids) == theirs
    assert tree.greedy is not None and tree.greedy.ids == tree.sequences[0].ids


def test_the_tree_tells_the_search() -> None:
    loaded = ended_early(build("opt"))
    trees = list(grow_beams(loaded, PROMPT, BEAM))
    tree = beam_search(loaded, PROMPT, BEAM)
    assert [len(made.nodes) for made in trees] == sorted(len(made.nodes) for made in trees)
    assert tree.nodes == trees[-1].nodes and trees[-1].finished and not trees[0].finished
    for node in tree.nodes:
        parent = tree.nodes[node.parent] if node.parent >= 0 else None
        assert node.step == (parent.step + 1 if parent else 0)
        assert parent is None or parent.kept is not None, "only beams that went on have children"
        before = parent.total if parent else 0.0
        assert node.total == pytest.approx(before + node.logprob, abs=1e-4)
    for step in range(trees[-1].nodes[-1].step):
        kept = [node.kept for node in tree.nodes if node.step == step and node.kept is not None]
        assert sorted(kept) == list(range(4))
    for text in tree.sequences:
        assert [tree.nodes[place].token_id for place in text.nodes] == list(text.ids)
        assert text.score == pytest.approx(text.total / len(text.ids), abs=1e-5)
        assert tree.nodes[text.nodes[-1]].ended
    greedy = tree.greedy
    assert (
        greedy is not None
        and greedy.ids == beam_search(loaded, PROMPT, replace(BEAM, num_beams=1, num_sequences=1)).sequences[0].ids
    )


def test_totals_are_sums_of_the_models_own_log_probabilities() -> None:
    loaded = build("bart")
    text = beam_search(loaded, PROMPT, replace(BEAM, num_sequences=1)).sequences[0]
    start = loaded.model.generation_config.decoder_start_token_id
    with torch.no_grad():
        logits = loaded.model(
            input_ids=torch.tensor([loaded.tokenizer(PROMPT)["input_ids"]]),
            decoder_input_ids=torch.tensor([[start, *text.ids[:-1]]]),
        ).logits[0]
    own = torch.log_softmax(logits, -1)
    total = sum(float(own[place, token]) for place, token in enumerate(text.ids))
    # Its last token is forced by the config: the stages then leave it probability 1.
    forced = float(own[len(text.ids) - 1, text.ids[-1]])
    assert text.total == pytest.approx(total - forced, abs=1e-3)


def test_a_stop_string_ends_a_beam_before_it() -> None:
    loaded = build("gpt2")
    plain = beam_search(loaded, PROMPT, BEAM).sequences[0]
    stop = next(char for char in plain.text[2:] if char.isascii())
    tree = beam_search(loaded, PROMPT, replace(BEAM, stop=(stop,), length_penalty=-0.5))
    assert any(node.ended and node.step < 15 for node in tree.nodes)
    assert all(stop not in text.text for text in tree.sequences)


def test_it_goes_on_after_what_is_given() -> None:
    loaded = build("llama")
    first = beam_search(loaded, PROMPT, replace(BEAM, num_sequences=1)).sequences[0].ids
    steps = grow_beams(loaded, PROMPT, replace(BEAM, num_sequences=1), given=first[:5])
    while True:
        try:
            next(steps)
        except StopIteration as end:
            tree = end.value
            break
    assert tree.sequences[0].ids[:5] == first[:5] and len(tree.sequences[0].ids) == 16


def test_what_it_refuses() -> None:
    loaded = build("gpt2")
    with pytest.raises(UserError, match="keeps no beams"):
        beam_search(loaded, PROMPT, DecodingSettings(method="greedy"))
    with pytest.raises(UserError, match=r"num_sequences is 5.*4 beams"):
        beam_search(loaded, PROMPT, replace(BEAM, num_sequences=5))
    with pytest.raises(Cancelled):
        beam_search(loaded, PROMPT, BEAM, cancel=lambda: True)


def test_beams_end_where_the_positions_end() -> None:
    loaded = build("gpt2", n_positions=24)
    tree = beam_search(loaded, PROMPT, replace(BEAM, max_new_tokens=60))
    assert {len(text.ids) for text in tree.sequences} == {24 + 1 - len(PROMPT)}
    assert math.isfinite(tree.sequences[0].score)


@pytest.mark.parametrize("method", ["beam", "beam_sample"])
def test_where_no_token_is_left_it_says_so(method: str) -> None:
    settings = replace(BEAM, method=method, banned=tuple(range(1, VOCABULARY)), num_sequences=1, max_new_tokens=4)
    assert beam_search(build("gpt2"), PROMPT, settings).sequences[0].ids == (0, 0, 0, 0)
    with pytest.raises(UserError, match="cut every token"):
        beam_search(build("gpt2"), PROMPT, replace(settings, banned=tuple(range(VOCABULARY))))


def test_greedy_search_is_stepped_too() -> None:
    """Every step of the model is a `next`, also those of the text that is only there for comparison."""
    loaded = build("gpt2")
    calls = 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1

    hook = loaded.model.register_forward_hook(count)
    try:
        steps, seen, most = grow_beams(loaded, PROMPT, BEAM), [], 0
        while True:
            before = calls
            try:
                seen.append(next(steps))
            except StopIteration as end:
                tree = end.value
                break
            finally:
                most = max(most, calls - before)
    finally:
        hook.remove()
    assert most == 1
    assert len(seen) == 16 + 16 and all(each is seen[15] for each in seen[15:])
    assert seen[15].finished and seen[15].greedy is None
    greedy = DecodingSettings(method="greedy", max_new_tokens=16)
    assert tree.greedy is not None
    assert list(tree.greedy.ids) == [step.token_id for step in stream(loaded, PROMPT, greedy)]


@pytest.mark.parametrize("family", ["llama", "mistral", "bart", "t5"])
def test_they_go_on_from_the_cache_of_the_run_before(family: str) -> None:
    """One text is kept, several go on from it, and of several one is kept again; a slid window starts anew."""
    loaded, kept = build(family), KeptForward()
    greedy = DecodingSettings(method="greedy", max_new_tokens=5)
    given = [step.token_id for step in stream(loaded, PROMPT, greedy, kept=kept)][:3]
    for _ in range(2):
        *_, tree = grow_beams(loaded, PROMPT, BEAM, kept=kept)
        assert_same(found(tree), generated(loaded))
    batch = DecodingSettings(temperature=0.9, seed=3, max_new_tokens=8)
    list(stream(loaded, PROMPT, greedy, kept=kept))
    rows = list(stream_batch(loaded, PROMPT, batch, 2, given, kept=kept))
    assert (kept.reused > 0) == (family != "mistral")
    ids = [step.token_id for row, step in rows if row == 0]
    assert ids == [step.token_id for step in stream(loaded, PROMPT, batch, given=given)]
    assert ids == [step.token_id for step in stream(loaded, PROMPT, batch, given=given, kept=kept)]
