"""What a tokenizer holds: its type, its special tokens, its entries."""

from __future__ import annotations

import json
from typing import Any

from app.engine.models.records import TokenizerFacts, VocabularyEntry

_ROLES = {
    "bos_token": "beginning of text",
    "eos_token": "end of text",
    "unk_token": "unknown",
    "sep_token": "separator",
    "pad_token": "padding",
    "cls_token": "classification",
    "mask_token": "mask",
}


def tokenizer_facts(tokenizer: Any) -> TokenizerFacts:
    """Type, size, special tokens and chat template of a transformers tokenizer."""
    special = [
        (role, str(getattr(tokenizer, name)), int(getattr(tokenizer, f"{name}_id")))
        for name, role in _ROLES.items()
        if getattr(tokenizer, name, None) is not None and getattr(tokenizer, f"{name}_id", None) is not None
    ]
    named = {text for _, text, _ in special}
    for id_, token in sorted(getattr(tokenizer, "added_tokens_decoder", {}).items()):
        if str(token) not in named:
            special.append(("added", str(token), int(id_)))
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = "\n\n".join(f"{{# {name} #}}\n{text}" for name, text in template.items())
    return TokenizerFacts(_type(tokenizer), len(tokenizer), tuple(special), template or "")


def search_vocabulary(tokenizer: Any, text: str, limit: int = 500) -> tuple[VocabularyEntry, ...]:
    """Entries whose text holds `text` (any case), or the one with the id that `text` names.

    The closest come first: the text itself with or without a space before it, then the shorter ones. An empty `text`
    gives the first entries. A token is matched as it is written in the vocabulary and as it decodes.
    """
    wanted = text.casefold()
    found = []
    for written, id_ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        decoded = tokenizer.convert_tokens_to_string([written])
        if not wanted.strip() or wanted == str(id_) or wanted in decoded.casefold() or wanted in written.casefold():
            found.append(VocabularyEntry(id_, decoded, written))
            if not wanted.strip() and len(found) == limit:
                break
    if wanted.strip():
        found.sort(
            key=lambda entry: (wanted != str(entry.id), len(entry.text.strip()), text not in entry.text, entry.id)
        )
    return tuple(found[:limit])


def _type(tokenizer: Any) -> str:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return type(tokenizer).__name__
    return str(json.loads(backend.to_str())["model"].get("type") or type(tokenizer).__name__)
