"""Of a conversation exactly the assistant's turns are learnt, each with its end, whatever the template."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from engine.tiny_models import tiny_tokenizer

from app.engine.finetune.chats import CHAT_TEMPLATE, chat_template_of
from app.engine.finetune.examples import encode_example
from app.engine.finetune.records import BROKEN, CHAT, EMPTY, IGNORED, MASKED, Example, Shape
from app.engine.finetune.records_of import BadRecord, RawRecord
from app.engine.finetune.settings import FinetuneSettings
from app.engine.models.loaded import LoadedModel

SHAPE = Shape(CHAT, (("messages", "messages"),))
TALK = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "The cat?"},
    {"role": "assistant", "content": "The moon 🙂"},
    {"role": "user", "content": "The river?"},
    {"role": "assistant", "content": "A little fox."},
]
SHARED = [
    {"from": "system", "value": "Be kind."},
    {"from": "human", "value": "The cat?"},
    {"from": "gpt", "value": "The moon 🙂"},
    {"from": "human", "value": "The river?"},
    {"from": "gpt", "value": "A little fox."},
]
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' }}"
    "{{ message.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
MARKED = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' }}"
    "{% if message.role == 'assistant' %}{% generation %}{{ message.content + '<|im_end|>' }}{% endgeneration %}"
    "{% else %}{{ message.content + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# As Qwen3's: a thought stands before the last answer alone.
THINKING = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' }}"
    "{% if message.role == 'assistant' and loop.last %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{{ message.content | trim }}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# As Llama 2's: the system's message inside the first turn, roles that must alternate, nothing special before an answer.
FOLDED = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{% set first = messages[0].content + '\n\n' %}"
    "{% set rest = messages[1:] %}{% else %}{% set first = '' %}{% set rest = messages %}{% endif %}"
    "{% for message in rest %}"
    "{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate.') }}{% endif %}"
    "{% if message.role == 'user' %}{{ '[INST] ' + (first if loop.first else '') + message.content + ' [/INST]' }}"
    "{% else %}{{ ' ' + message.content + ' <|im_end|>' }}{% endif %}{% endfor %}"
)


@pytest.fixture
def chatty(tiny: Callable[[str], LoadedModel]) -> Callable[[str | None], LoadedModel]:
    """`chatty(template)`: a tiny model whose tokenizer has ChatML's tokens and this template."""

    def made(template: str | None) -> LoadedModel:
        tokenizer = tiny_tokenizer(context=512)
        tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
        tokenizer.chat_template = template
        loaded = tiny("gpt2")
        return replace(loaded, tokenizer=tokenizer, summary=replace(loaded.summary, context=512))

    return made


def example(loaded: LoadedModel, messages: Any, **settings: Any) -> Example:
    record = RawRecord("row 1", {"messages": messages})
    return encode_example(loaded, SHAPE, record, FinetuneSettings(**settings))


def turns(loaded: LoadedModel, made: Example) -> list[str]:
    """The runs of tokens that are learnt, decoded."""
    learnt = np.flatnonzero(made.labels != IGNORED)
    runs = np.split(learnt, np.flatnonzero(np.diff(learnt) > 1) + 1)
    return [loaded.tokenizer.decode(made.ids[run]) for run in runs]


@pytest.mark.parametrize("template", [CHATML, MARKED])
@pytest.mark.parametrize("messages", [TALK, SHARED])
def test_the_assistants_turns_are_learnt_with_their_ends(
    chatty: Callable[[str], LoadedModel], template: str, messages: list[dict[str, str]]
) -> None:
    loaded = chatty(template)
    made = example(loaded, messages)
    given = loaded.tokenizer.apply_chat_template(TALK, return_dict=True)["input_ids"]
    assert made.ids.tolist() == given, "the very ids that the tokenizer's template gives"
    assert turns(loaded, made) == ["The moon 🙂<|im_end|>", "A little fox.<|im_end|>"]


def test_a_marked_template_gives_transformers_own_mask(chatty: Callable[[str], LoadedModel]) -> None:
    loaded = chatty(MARKED)
    given = loaded.tokenizer.apply_chat_template(TALK, return_dict=True, return_assistant_tokens_mask=True)
    assert (example(loaded, TALK).labels != IGNORED).tolist() == [bool(taken) for taken in given["assistant_masks"]]


def test_a_template_that_writes_earlier_turns_otherwise(chatty: Callable[[str], LoadedModel]) -> None:
    loaded = chatty(THINKING)
    assert turns(loaded, example(loaded, TALK)) == [
        "The moon 🙂<|im_end|>",
        "<think>\n\n</think>\n\nA little fox.<|im_end|>",
    ]


def test_a_template_that_folds_the_system_in(chatty: Callable[[str], LoadedModel]) -> None:
    loaded = chatty(FOLDED)
    made = example(loaded, TALK)
    assert turns(loaded, made) == [" The moon 🙂 <|im_end|>", " A little fox. <|im_end|>"]
    assert np.count_nonzero(made.ids == loaded.tokenizer.bos_token_id) == 1
    with pytest.raises(BadRecord, match=r"refuses this conversation \(Roles must alternate\)") as error:
        example(loaded, TALK[1:2] * 2 + TALK[2:3])
    assert error.value.kind == BROKEN


def test_an_assistant_that_speaks_first(chatty: Callable[[str], LoadedModel]) -> None:
    loaded = chatty(CHATML)
    assert turns(loaded, example(loaded, TALK[2:])) == ["The moon 🙂<|im_end|>", "A little fox.<|im_end|>"]


def test_without_a_template_ours_ends_every_answer(chatty: Callable[[None], LoadedModel]) -> None:
    loaded = chatty(None)
    made = example(loaded, TALK)
    assert chat_template_of(loaded.tokenizer) == CHAT_TEMPLATE
    assert turns(loaded, made) == ["The moon 🙂<s>", "A little fox.<s>"]
    expected = "<|system|>\nBe kind.\n<|user|>\nThe cat?\n<|assistant|>\nThe moon 🙂<s>\n"
    expected += "<|user|>\nThe river?\n<|assistant|>\nA little fox.<s>"
    assert loaded.tokenizer.decode(made.ids) == expected
    going_on = loaded.tokenizer.apply_chat_template(
        TALK[:2], chat_template=CHAT_TEMPLATE, tokenize=False, add_generation_prompt=True
    )
    assert expected.startswith(going_on), "what the model is asked with is what it learnt from"


def test_ours_begins_as_the_tokenizer_begins_texts(tiny: Callable[[str], LoadedModel]) -> None:
    loaded = tiny("llama")
    made = example(loaded, TALK[1:3])
    assert loaded.tokenizer.decode(made.ids) == "<s><|user|>\nThe cat?\n<|assistant|>\nThe moon 🙂<s>"
    assert turns(loaded, made) == ["The moon 🙂<s>"]


def test_everything_can_be_learnt(chatty: Callable[[str], LoadedModel]) -> None:
    made = example(chatty(CHATML), TALK, train_on="all")
    assert made.labels[0] == IGNORED and np.array_equal(made.labels[1:], made.ids[1:])


def test_an_encoder_decoder_writes_the_last_answer(bart: LoadedModel) -> None:
    made = example(bart, TALK)
    assert made.labels.tolist() == bart.tokenizer(text_target="A little fox.")["input_ids"]
    asked = bart.tokenizer.decode(made.ids)
    assert asked.endswith("\n<|user|>\nThe river?\n<|assistant|>\n</s>") and "The moon" in asked


def test_a_masked_model_reads_it_all(bert: LoadedModel) -> None:
    made = example(bert, TALK[1:3])
    tokenizer = bert.tokenizer
    assert made.ids[0] == tokenizer.cls_token_id and made.ids[-1] == tokenizer.sep_token_id
    assert "the cat" in tokenizer.decode(made.ids) and "the moon" in tokenizer.decode(made.ids)


def test_parts_that_are_texts_are_joined(chatty: Callable[[str], LoadedModel]) -> None:
    parts = [{"type": "text", "text": "The "}, {"type": "text", "text": "moon"}]
    loaded = chatty(CHATML)
    assert turns(loaded, example(loaded, [TALK[1], {"role": "assistant", "content": parts}])) == ["The moon<|im_end|>"]


@pytest.mark.parametrize(
    ("messages", "kind", "words"),
    [
        ([], EMPTY, "there are no messages"),
        (None, EMPTY, "there are no messages"),
        ("Hello", BROKEN, "there are no messages"),
        (TALK[:2], MASKED, "no message is the assistant's"),
        ([TALK[1], {"role": "assistant", "content": " "}], EMPTY, "every answer of the assistant is empty"),
        ([TALK[1], {"role": "assistant"}], BROKEN, "message 2 has no role and content"),
        ([TALK[1], {"role": "assistant", "content": None}], BROKEN, "message 2 has no text"),
        ([{"role": "user", "content": [{"type": "image"}]}], BROKEN, "message 1 has parts that are no texts"),
        ([TALK[1], {"role": "assistant", "content": "\ud83d"}], BROKEN, "message 2 holds half of a surrogate pair"),
    ],
)
def test_conversations_that_cannot_be_used_say_why(
    chatty: Callable[[str], LoadedModel], messages: Any, kind: str, words: str
) -> None:
    with pytest.raises(BadRecord) as error:
        example(chatty(CHATML), messages)
    assert (error.value.kind, error.value.fact) == (kind, words)
