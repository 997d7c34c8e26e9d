"""Conversations through a tokenizer's chat template, and which letters of them the assistant wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from transformers.utils.chat_template_utils import render_jinja_template

from app.engine.finetune.records import BROKEN, EMPTY, MASKED
from app.engine.finetune.records_of import BadRecord
from app.engine.finetune.shapes import is_message

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if not loop.first %}{{ '\n' }}{% endif %}"
    "{{ '<|' + message.role + '|>\n' }}"
    "{% if message.role == 'assistant' %}{% generation %}{{ message.content }}{{ eos_token }}{% endgeneration %}"
    "{% else %}{{ message.content }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '\n<|assistant|>\n' }}{% endif %}"
)
"""For tokenizers without a template. ChatML's headers, but every answer ends with the tokenizer's own end of text:
ChatML's <|im_end|> would be seven odd tokens to a model that was not made with it."""

_ASSISTANT = "assistant"
_ROLES = {
    **dict.fromkeys(("human", "user", "prompter"), "user"),
    **dict.fromkeys(("gpt", "assistant", "model", "bot", "chatgpt", "bing", "bard"), _ASSISTANT),
}
"""ShareGPT's names of roles and others'; what is not here is its own name."""
_OTHER = "\ue000\ue001"
"""Stands in for an answer to find where it is: letters for private use, so no template and no text has them."""
_MARKED = re.compile(r"\{%-?\s*generation\s*-?%\}")

Message = dict[str, str]


def chat_template_of(tokenizer: Any) -> str:
    """The template that conversations are written with: the tokenizer's own, or ours where it has none.

    Ours begins with the beginning-of-text token where the tokenizer would put it in front of any other text.
    """
    template = getattr(tokenizer, "chat_template", None)
    if isinstance(template, Mapping):
        template = template.get("default") or next(iter(template.values()), None)
    if template:
        return str(template)
    first = tokenizer("a", verbose=False)["input_ids"][:1]
    begins = tokenizer.bos_token_id is not None and first == [tokenizer.bos_token_id]
    return ("{{ bos_token }}" if begins else "") + CHAT_TEMPLATE


def messages_of(value: Any) -> list[Message]:
    """The messages of a record as roles and contents. Raises BadRecord for what is none, and without an answer."""
    if not isinstance(value, (list, tuple)) or not value:
        raise BadRecord(EMPTY if value in (None, [], ()) else BROKEN, "there are no messages")
    messages = [_message(number, message) for number, message in enumerate(value, 1)]
    answers = [message["content"] for message in messages if message["role"] == _ASSISTANT]
    if not answers:
        raise BadRecord(MASKED, "no message is the assistant's")
    if not any(answer.strip() for answer in answers):
        raise BadRecord(EMPTY, "every answer of the assistant is empty")
    return messages


def rendered(tokenizer: Any, messages: Sequence[Message], going_on: bool = False) -> str:
    """The conversation as the template writes it; `going_on` with the header of the assistant's next turn."""
    try:
        return tokenizer.apply_chat_template(
            list(messages),
            chat_template=chat_template_of(tokenizer),
            tokenize=False,
            add_generation_prompt=going_on,
        )
    except (jinja2.TemplateError, TypeError, ValueError) as error:
        raise BadRecord(BROKEN, f"the chat template refuses this conversation ({_said(error)})") from error


def answer_spans(tokenizer: Any, messages: Sequence[Message], text: str) -> tuple[tuple[int, int], ...]:
    """The letters of `text`, which is the rendered conversation, that the assistant wrote, with the end of each turn.

    A template that marks them ({% generation %}) says so itself, as for `return_assistant_tokens_mask`; of another the
    conversation is rendered up to before and up to after each turn. White space behind an end-of-turn token belongs
    to the template.
    """
    template = chat_template_of(tokenizer)
    if _MARKED.search(template):
        _, spans = render_jinja_template(
            [list(messages)],
            chat_template=template,
            return_assistant_tokens_mask=True,
            **tokenizer.special_tokens_map,
        )
        found = [(start, stop) for start, stop in spans[0] if stop > start]
    else:
        turns = [turn for turn, message in enumerate(messages) if message["role"] == _ASSISTANT]
        found = [_span(tokenizer, messages, turn, text) for turn in turns]
    if not found:
        raise BadRecord(MASKED, "the chat template leaves every answer out")
    return tuple(found)


def last_answer(tokenizer: Any, messages: Sequence[Message]) -> tuple[str, str]:
    """The conversation up to the assistant's last turn, with that turn's header, and what it says."""
    last = max(turn for turn, message in enumerate(messages) if message["role"] == _ASSISTANT)
    if last == 0:
        raise BadRecord(EMPTY, "nothing stands before the answer")
    return rendered(tokenizer, messages[:last], going_on=True), messages[last]["content"]


def _message(number: int, message: Any) -> Message:
    if not is_message(message):
        raise BadRecord(BROKEN, f"message {number} has no role and content")
    role = str(message["role"] if "role" in message else message["from"]).lower()
    content = message["content"] if "content" in message else message["value"]
    if isinstance(content, (list, tuple)):
        # Models that see write a message in parts; those that are texts are kept where there are no others.
        if not all(isinstance(part, Mapping) and isinstance(part.get("text"), str) for part in content):
            raise BadRecord(BROKEN, f"message {number} has parts that are no texts")
        content = "".join(part["text"] for part in content)
    if not isinstance(content, str):
        raise BadRecord(BROKEN, f"message {number} has no text")
    if any("\ud800" <= letter <= "\udfff" for letter in content):
        raise BadRecord(BROKEN, f"message {number} holds half of a surrogate pair")
    return {"role": _ROLES.get(role, role), "content": content}


def _span(tokenizer: Any, messages: Sequence[Message], turn: int, text: str) -> tuple[int, int]:
    """Where one turn of the assistant stands in the rendered conversation."""
    specials = _special_texts(tokenizer)
    before = rendered(tokenizer, messages[:turn], going_on=True) if turn else ""
    after = rendered(tokenizer, messages[: turn + 1])
    start, stop = len(before), len(after)
    if not turn or not text.startswith(before) or not text.startswith(after):
        # Some templates write earlier turns otherwise than the last: there, another answer in its place tells.
        changed = [*messages]
        changed[turn] = {**messages[turn], "content": _OTHER}
        other = rendered(tokenizer, changed)
        if not turn or not text.startswith(before):
            start = _alike(text, other)
        if not text.startswith(after):
            stop = max(start, len(text) - _alike(text[start:][::-1], other[start:][::-1]))
            stop += len(next((name for name in specials if text.startswith(name, stop)), ""))
    bare = text[start:stop].rstrip()
    return start, start + len(bare) if bare.endswith(specials) else stop


def _special_texts(tokenizer: Any) -> tuple[str, ...]:
    """Special tokens as they are written, the longest first."""
    added = getattr(tokenizer, "added_tokens_decoder", {}).values()
    names = {name for name in (*tokenizer.all_special_tokens, *map(str, added)) if name.strip()}
    return tuple(sorted(names, key=len, reverse=True))


def _alike(one: str, other: str) -> int:
    """With how many same letters two texts begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def _said(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
