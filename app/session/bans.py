"""Bans and beginnings are ids, and an id means another token to another tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.engine.decode.settings import DecodingSettings


def understood(settings: DecodingSettings, of: Any, by: Any) -> DecodingSettings:
    """Settings whose ids are those of one tokenizer, as another one understands them: bans of tokens that it does not
    write alike are left out, and a beginning that holds such a token is left out whole. None for no tokenizer."""
    if of is by or of is None or by is None or not (settings.banned or settings.forced):
        return settings
    banned, forced = _alike(settings.banned, of, by), _alike(settings.forced, of, by)
    return replace(settings, banned=banned, forced=forced if forced == settings.forced else ())


def same_token(token: int, of: Any, by: Any) -> bool:
    """Whether an id is the same token to two tokenizers."""
    return of is by or bool(_alike((token,), of, by))


def _alike(ids: Sequence[int], of: Any, by: Any) -> tuple[int, ...]:
    return tuple(token for token in ids if _piece(of, token) == _piece(by, token) is not None)


def _piece(tokenizer: Any, token: int) -> str | None:
    return str(tokenizer.convert_ids_to_tokens(token)) if 0 <= token < len(tokenizer) else None
