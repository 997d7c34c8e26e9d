"""What the token loop starts from: the ids, the model's rules, and the reasons why it cannot start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.engine.decode.records import ModelRules
from app.engine.decode.settings import BEAMS, DecodingSettings
from app.engine.errors import ContextFullError, TooLongError, UserError
from app.engine.trace.tokens import ask_tokenizer


@dataclass(frozen=True)
class Prompt:
    """The ids before the first new token, and new tokens that stand already."""

    ids: tuple[int, ...]
    """What the new tokens are appended to: the prompt, or the start token of an encoder-decoder."""
    encoder_ids: tuple[int, ...] | None
    """The prompt of an encoder-decoder, None for a decoder."""
    rules: ModelRules
    context: int | None
    """The most ids the model has positions for, None when its config names no limit."""
    vocabulary: int
    given: tuple[int, ...] = ()
    """New tokens of an earlier run that are kept: the text goes on after them."""

    @property
    def text_ids(self) -> list[int]:
        """The ids that the new text continues: none in an encoder-decoder, whose text begins anew."""
        return [] if self.encoder_ids is not None else list(self.ids)


def read_prompt(loaded: Any, text: str, given: Sequence[int] = ()) -> Prompt:
    """The prompt of a loaded model: `tokenizer(text)` with its default special tokens.

    An empty prompt to which the tokenizer adds nothing starts from the generation config's BOS, as `generate()` does.
    `given` are new tokens that are kept from an earlier run.
    Raises UserError for a model that cannot write, a text that the tokenizer does not take, a prompt longer than its
    context, and a start that has no token.
    """
    model, config = loaded.model, loaded.model.config
    if loaded.kind == "encoder":
        raise UserError(
            f"A masked model ({loaded.family}) cannot generate: it fills gaps, it does not write on.",
            "Open a decoder or an encoder-decoder.",
        )
    if not model.can_generate():
        raise UserError(
            f"{type(model).__name__} has no language-modelling head, so it cannot generate.",
            "Open a checkpoint saved with one.",
        )
    ids = tuple(ask_tokenizer(loaded.tokenizer, (text,), text=text)["input_ids"])
    text_config = config.get_text_config(decoder=True)
    context = getattr(text_config, "max_position_embeddings", None)
    generation = model.generation_config
    if not ids and generation.bos_token_id is None:
        raise UserError("The prompt is empty and the model has no token to begin a text with.", "Type a prompt.")
    ids = ids or (int(generation.bos_token_id),)
    if context is not None and len(ids) > context:
        raise TooLongError(
            f"The prompt has {len(ids)} tokens; the model's context holds {context}.",
            f"Shorten it by at least {len(ids) - context} tokens.",
            context,
        )
    encoder_ids = None
    if loaded.kind == "encoder-decoder":
        encoder_ids, ids = ids, (_start_token(generation),)
    if context is not None and len(ids) + len(given) > context:
        way = "Go on from an earlier token." if encoder_ids else "Let the window slide, or go on from an earlier token."
        raise ContextFullError(
            f"Prompt and new text have {len(ids) + len(given)} tokens; the model's context holds {context}.",
            way,
        )
    rules = _rules(generation, len(ids))
    return Prompt(ids, encoder_ids, rules, context, text_config.vocab_size, tuple(int(token) for token in given))


def check_settings(settings: DecodingSettings, prompt: Prompt, beams: bool = False) -> None:
    """Raises UserError for token ids that the model's vocabulary lacks, and for a beam method where `beams` is False,
    for any other where it is True."""
    if beams and settings.method not in BEAMS:
        raise UserError(f"The method {settings.method} keeps no beams.", "Use beam or beam_sample.")
    if beams and settings.num_sequences > settings.num_beams:
        raise UserError(
            f"num_sequences is {settings.num_sequences}, but only {settings.num_beams} beams are kept.",
            "Ask for fewer texts or keep more beams.",
        )
    if not beams and settings.method in BEAMS:
        raise UserError(
            f"The method {settings.method} finishes its texts together, so it cannot be streamed token by token.",
            "Use greedy or sample here, or run a beam search.",
        )
    for name in ("banned", "forced"):
        for token in getattr(settings, name):
            if token >= prompt.vocabulary:
                raise UserError(
                    f"{name} holds the token id {token}; the model's vocabulary ends at {prompt.vocabulary - 1}."
                )


def _start_token(generation: Any) -> int:
    start = generation.decoder_start_token_id
    start = generation.bos_token_id if start is None else start
    if start is None:
        raise UserError(
            "The model's generation config names no token for its decoder to start with.",
            "Add decoder_start_token_id to its generation_config.json.",
        )
    return int(start[0] if isinstance(start, list) else start)


def _rules(generation: Any, prompt_length: int) -> ModelRules:
    """EOS, forced, suppressed and bad tokens of a `GenerationConfig`; nothing else of it is read."""
    first = generation.forced_bos_token_id
    return ModelRules(
        eos=_several(generation.eos_token_id),
        forced_first=None if first is None else int(first),
        forced_last=_several(generation.forced_eos_token_id),
        suppressed=_several(generation.suppress_tokens),
        suppressed_first=_several(generation.begin_suppress_tokens),
        # A forced first token pushes the place where the text begins one further, as in `generate()`.
        begin_index=prompt_length if prompt_length > 1 or first is None else prompt_length + 1,
        bad_words=tuple(tuple(words) for words in generation.bad_words_ids or ()),
    )


def _several(ids: Any) -> tuple[int, ...]:
    if ids is None:
        return ()
    return (int(ids),) if isinstance(ids, int) else tuple(int(token) for token in ids)
