"""What a model is given of a record, with real tokenizers: one end of text, and labels where there is an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from transformers import DataCollatorForSeq2Seq

from app.engine.errors import UserError
from app.engine.finetune.examples import encode_example, longest_of, mask_tokens
from app.engine.finetune.preview import preview_tokens
from app.engine.finetune.records import BROKEN, COMPLETION, EMPTY, IGNORED, INSTRUCTION, TEXT, Example, Shape
from app.engine.finetune.records_of import BadRecord, RawRecord
from app.engine.finetune.settings import FinetuneSettings
from app.engine.finetune.templates import INSTRUCTION_PROMPT, INSTRUCTION_PROMPT_WITH_INPUT
from app.engine.models import load
from app.engine.models.loaded import LoadedModel

PAIR = Shape(COMPLETION, (("prompt", "prompt"), ("completion", "completion")))
PLAIN = Shape(TEXT, (("text", "text"),))
ALPACA = Shape(INSTRUCTION, (("instruction", "instruction"), ("input", "input"), ("output", "output")))


def example(loaded: LoadedModel, shape: Shape, values: dict[str, Any], **settings: Any) -> Example:
    return encode_example(loaded, shape, RawRecord("line 1", values), FinetuneSettings(**settings))


def pair(loaded: LoadedModel, prompt: str, completion: str, **settings: Any) -> Example:
    return example(loaded, PAIR, {"prompt": prompt, "completion": completion}, **settings)


def learnt(loaded: LoadedModel, of: Example) -> str:
    return loaded.tokenizer.decode(of.labels[of.labels != IGNORED], clean_up_tokenization_spaces=False)


@pytest.mark.parametrize(
    ("prompt", "completion"),
    [
        ("What is red?", " An apple."),
        ("Question: What is red?\nAnswer:", " An apple, or a fire engine 🙂"),
        ("Q:\n", "A line.\n\nAnd one more.\n"),
        ("Once upon a time", ", there was a café."),
        ("", "Only a completion"),
    ],
)
def test_a_decoder_learns_the_completion_and_one_end(story: LoadedModel, prompt: str, completion: str) -> None:
    made = pair(story, prompt, completion)
    tokenizer = story.tokenizer
    assert tokenizer.decode(made.ids) == prompt + completion + "<|endoftext|>"
    assert made.ids.tolist() == [*tokenizer(prompt + completion)["input_ids"], tokenizer.eos_token_id]
    skipped = tokenizer.decode(made.ids[:1]) if not prompt else ""
    assert skipped + learnt(story, made) == completion + "<|endoftext|>"
    assert np.all((made.labels == made.ids) | (made.labels == IGNORED))
    assert (made.ids.dtype, made.labels.dtype) == (np.int64, np.int64)
    assert (made.cut, made.length, made.place) == (0, len(made.ids), "line 1")


def test_a_token_across_the_border_is_learnt(story: LoadedModel) -> None:
    made = pair(story, "Once upon a ti", "me there was")
    assert learnt(story, made) == " time there was<|endoftext|>"
    made = pair(story, "The answer: ", "yes")
    assert learnt(story, made) == " yes<|endoftext|>"


def test_half_a_character_is_learnt_whole(story: LoadedModel) -> None:
    made = pair(story, "A 🙂", "🙃")
    assert learnt(story, made) == "🙃<|endoftext|>"
    assert made.trained > 2, "several tokens make one character"


def test_an_end_that_is_written_is_not_doubled(story: LoadedModel) -> None:
    end = story.tokenizer.eos_token_id
    for completion in (" Yes.", " Yes.<|endoftext|>", " Yes.<|endoftext|><|endoftext|>"):
        made = pair(story, "Well?", completion)
        assert made.ids[-1] == end and np.count_nonzero(made.ids == end) == 1


def test_everything_is_learnt_but_the_first_token(story: LoadedModel) -> None:
    every = pair(story, "What is red?", " An apple.", train_on="all")
    assert every.labels[0] == IGNORED and np.array_equal(every.labels[1:], every.ids[1:])
    text = example(story, PLAIN, {"text": "What is red? An apple."})
    assert np.array_equal(text.ids, every.ids) and np.array_equal(text.labels, every.labels)
    assert text.trained == len(text.ids) - 1


def test_a_tokenizer_with_a_beginning_puts_it_once_in_front(tiny: Callable[[str], LoadedModel]) -> None:
    loaded = tiny("llama")
    made = pair(loaded, "The cat", " saw the moon")
    start = loaded.tokenizer.bos_token_id
    assert made.ids[0] == start and made.labels[0] == IGNORED
    assert made.ids.tolist() == [*loaded.tokenizer("The cat saw the moon")["input_ids"], start]
    assert learnt(loaded, made) == " saw the moon<s>"


def test_without_an_end_token_none_is_written(story: LoadedModel) -> None:
    loaded = replace(story, tokenizer=load("story-gpt").tokenizer)
    loaded.tokenizer.eos_token = None
    made = pair(loaded, "What is red?", " An apple.")
    assert loaded.tokenizer.decode(made.ids) == "What is red? An apple."
    assert learnt(loaded, made) == " An apple."


def test_a_long_example_is_cut_from_its_end(story: LoadedModel) -> None:
    whole = pair(story, "What is red?", " An apple and a fire engine.")
    made = pair(story, "What is red?", " An apple and a fire engine.", max_length=6)
    assert np.array_equal(made.ids, whole.ids[:6]) and np.array_equal(made.labels, whole.labels[:6])
    assert (made.cut, made.length) == (len(whole.ids) - 6, len(whole.ids))
    assert pair(story, "What is red?", " An apple.", max_length=4).trained == 0


def test_the_longest_is_the_models_context_at_most(story: LoadedModel, bart: LoadedModel) -> None:
    assert longest_of(story, FinetuneSettings()) == 512
    assert longest_of(story, FinetuneSettings(max_length=4096)) == 512
    assert longest_of(bart, FinetuneSettings(max_length=9)) == 9
    assert longest_of(replace(story, summary=replace(story.summary, context=None)), FinetuneSettings()) == 1024


def test_an_instruction_is_put_into_its_template(story: LoadedModel) -> None:
    values = {"instruction": "Name {a} colour.", "input": "", "output": "Red."}
    made = example(story, ALPACA, values)
    prompt = INSTRUCTION_PROMPT.format(instruction="Name {a} colour.")
    assert story.tokenizer.decode(made.ids) == prompt + "Red.<|endoftext|>"
    assert learnt(story, made) == "Red.<|endoftext|>"
    made = example(story, ALPACA, {**values, "input": "Of apples."})
    prompt = INSTRUCTION_PROMPT_WITH_INPUT.format(instruction="Name {a} colour.", input="Of apples.")
    assert story.tokenizer.decode(made.ids) == prompt + "Red.<|endoftext|>"
    without = Shape(INSTRUCTION, (("instruction", "instruction"), ("output", "output")))
    assert example(story, without, values).length < made.length


@pytest.mark.parametrize("shape", [PAIR, ALPACA])
def test_an_encoder_decoder_reads_the_prompt_and_writes_the_rest(bart: LoadedModel, shape: Shape) -> None:
    values = {"prompt": "Hello there.", "completion": "Bonjour.", "instruction": "Hi", "input": "", "output": "Salut"}
    made = example(bart, shape, values)
    tokenizer = bart.tokenizer
    prompt, completion = (
        ("Hello there.", "Bonjour.") if shape is PAIR else ("### Instruction:\nHi\n\n### Response:\n", "Salut")
    )
    assert made.ids.tolist() == tokenizer(prompt)["input_ids"]
    assert made.labels.tolist() == tokenizer(text_target=completion)["input_ids"]
    assert np.count_nonzero(made.labels == tokenizer.eos_token_id) == 1
    assert made.trained == len(made.labels)


def test_labels_are_those_of_transformers_own_collator(bart: LoadedModel) -> None:
    """The decoder's input that the model makes of our labels is the one it makes of DataCollatorForSeq2Seq's."""
    pairs = [("Hello there.", "Bonjour."), ("How are you?", "Comment allez-vous ?")]
    tokenizer = bart.tokenizer
    features = [dict(tokenizer(source, text_target=target)) for source, target in pairs]
    batch = DataCollatorForSeq2Seq(tokenizer, model=bart.model)(features)
    for row, (source, target) in enumerate(pairs):
        made = pair(bart, source, target)
        labels = batch["labels"][row].numpy()
        assert np.array_equal(labels[: len(made.labels)], made.labels)
        assert np.all(labels[len(made.labels) :] == IGNORED)
        start = bart.model.config.decoder_start_token_id
        assert batch["decoder_input_ids"][row, : len(made.labels)].tolist() == [start, *made.labels[:-1]]


def test_both_sides_of_a_pair_are_cut(bart: LoadedModel) -> None:
    whole = pair(bart, "Hello there, how are you?", "Bonjour, comment allez-vous ?")
    made = pair(bart, "Hello there, how are you?", "Bonjour, comment allez-vous ?", max_length=4)
    assert made.ids.tolist() == [*whole.ids[:3], bart.tokenizer.eos_token_id], "an encoder reads texts with their end"
    assert np.array_equal(made.labels, whole.labels[:4])
    assert made.cut == len(whole.ids) + len(whole.labels) - 8
    assert made.length == max(len(whole.ids), len(whole.labels))


def test_an_encoder_decoder_needs_pairs(bart: LoadedModel) -> None:
    with pytest.raises(UserError, match="needs a prompt and a completion"):
        example(bart, PLAIN, {"text": "Hello"})
    with pytest.raises(BadRecord, match="“prompt” is empty"):
        pair(bart, " ", "Bonjour.")


def test_a_classifier_is_refused() -> None:
    with pytest.raises(UserError, match="no head that predicts tokens"):
        example(load("story-bert-sentiment"), PLAIN, {"text": "Hello"})


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        ({"prompt": "a", "completion": None}, EMPTY, "“completion” is empty"),
        ({"prompt": "a", "completion": " \n"}, EMPTY, "“completion” is empty"),
        ({"prompt": "a"}, BROKEN, "there is no “completion” here, only prompt"),
        ({"prompt": ["a"], "completion": "b"}, BROKEN, "“prompt” is not a text but a list"),
        ({"prompt": True, "completion": "b"}, BROKEN, "“prompt” is not a text but a truth value"),
        (
            {"prompt": "a", "completion": "b\ud83d"},
            BROKEN,
            "letter 2 of “completion” is half of a surrogate pair (\\ud83d)",
        ),
    ],
)
def test_records_that_cannot_be_used_say_why(story: LoadedModel, values: dict[str, Any], kind: str, words: str) -> None:
    with pytest.raises(BadRecord) as error:
        example(story, PAIR, values)
    assert (error.value.kind, error.value.fact) == (kind, words)


def test_numbers_are_written_out(story: LoadedModel) -> None:
    assert learnt(story, example(story, PAIR, {"prompt": "1+1=", "completion": 2})) == "2<|endoftext|>"


def test_a_masked_model_can_be_asked_for_every_word(bert: LoadedModel) -> None:
    made = example(bert, PLAIN, {"text": "The cat saw the moon."})
    assert made.ids.tolist() == bert.tokenizer("The cat saw the moon.")["input_ids"]
    assert made.labels.tolist() == [IGNORED, *made.ids[1:-1], IGNORED]
    joined = pair(bert, "The cat", " saw the moon.")
    assert np.array_equal(joined.ids, made.ids) and np.array_equal(joined.labels, made.labels)
    cut = example(bert, PLAIN, {"text": "The cat saw the moon."}, max_length=5)
    assert cut.ids.tolist() == [*made.ids[:4], made.ids[-1]] and cut.cut == len(made.ids) - 5


def test_masking_follows_berts_rule(bert: LoadedModel) -> None:
    tokenizer = bert.tokenizer
    ids = np.full((400, 500), tokenizer.convert_tokens_to_ids("cat"), np.int64)
    labels = ids.copy()
    labels[:, :50] = IGNORED
    hidden, wanted = mask_tokens(ids, labels, tokenizer, np.random.default_rng(3))
    taken = wanted != IGNORED
    assert not taken[:, :50].any() and np.array_equal(hidden[~taken], ids[~taken])
    assert np.array_equal(wanted[taken], ids[taken])
    count = 400 * 450
    assert taken.sum() / count == pytest.approx(0.15, abs=4 * (0.15 * 0.85 / count) ** 0.5)
    masks = (hidden[taken] == tokenizer.mask_token_id).mean()
    same = (hidden[taken] == ids[taken]).mean()
    assert masks == pytest.approx(0.8, abs=0.01) and same == pytest.approx(0.1, abs=0.01)
    others = hidden[taken & (hidden != ids) & (hidden != tokenizer.mask_token_id)]
    assert len(np.unique(others)) > 1500, "any token of the vocabulary"
    again = mask_tokens(ids, labels, tokenizer, np.random.default_rng(3))
    assert np.array_equal(again[0], hidden) and np.array_equal(again[1], wanted)


def test_a_short_text_always_has_something_hidden(bert: LoadedModel) -> None:
    made = example(bert, PLAIN, {"text": "cat"})
    for seed in range(30):
        _, wanted = mask_tokens(made.ids, made.labels, bert.tokenizer, np.random.default_rng(seed))
        assert wanted.tolist() == [IGNORED, made.ids[1], IGNORED]


def test_the_preview_shows_tokens_and_what_is_learnt(story: LoadedModel, bart: LoadedModel) -> None:
    shown = preview_tokens(story, pair(story, "A 🙂?", " Yes."))
    assert "".join(token.text for token in shown) == "A 🙂? Yes.<|endoftext|>"
    assert [token.text for token in shown if token.trained] == [" Yes", ".", "<|endoftext|>"]
    assert [token.text for token in shown if token.special] == ["<|endoftext|>"]
    shown = preview_tokens(bart, pair(bart, "Hello.", "Bonjour."))
    assert "".join(token.text for token in shown if not token.trained) == "Hello.</s>"
    assert "".join(token.text for token in shown if token.trained) == "Bonjour.</s>"


def test_the_preview_of_a_cut_character_says_so(story: LoadedModel) -> None:
    whole = pair(story, "A", " 🙂")
    shown = preview_tokens(story, replace(whole, ids=whole.ids[:-2], labels=whole.labels[:-2]))
    assert "".join(token.text for token in shown) == "A \ufffd"
