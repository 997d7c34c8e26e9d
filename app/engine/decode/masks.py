"""Filling masks: a masked model puts a token into each gap, the surest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from app.engine.decode.chance import Chance
from app.engine.decode.loop import decide
from app.engine.decode.nonfinite import nonfinite_after
from app.engine.decode.records import ModelRules, StageContext, Step
from app.engine.decode.settings import DecodingSettings
from app.engine.errors import UserError
from app.engine.trace.capture import logits_of, run_plainly
from app.engine.trace.tokens import encode


@dataclass(frozen=True)
class FilledMask:
    """One gap that was filled."""

    position: int
    """Its place among the tokens of the text."""
    step: Step
    """The choice; its `text` is the token alone."""


def fill_masks(
    loaded: Any, text: str, settings: DecodingSettings | Callable[[], DecodingSettings]
) -> Iterator[FilledMask]:
    """Fill every mask of `text`, one run of the model each, in the order in which the model is surest.

    After each the model reads the text anew with that gap filled, so later ones agree with earlier ones. The stages
    act as in `stream`; special tokens are never filled in. Raises UserError for a model that is no masked one and for
    a text without a mask.
    """
    mask = loaded.tokenizer.mask_token_id
    given = encode(loaded.tokenizer, text)[1]
    device = loaded.model.get_input_embeddings().weight.device
    inputs = {name: torch.tensor([values], device=device) for name, values in given.items()}
    if loaded.kind != "encoder" or mask is None or loaded.summary.answer != "masked token":
        raise UserError("This model does not fill masks.", "Open a masked model such as story-bert.")
    gaps = (inputs["input_ids"][0] == mask).nonzero()[:, 0].tolist()
    if not gaps:
        raise UserError(
            f"There is nothing to fill: the text holds no {loaded.tokenizer.mask_token}.",
            f"Write {loaded.tokenizer.mask_token} where a word is wanted.",
        )
    if isinstance(settings, DecodingSettings):
        fixed = settings
        return _fill(loaded, inputs, gaps, lambda: fixed)
    return _fill(loaded, inputs, gaps, settings)


def _fill(
    loaded: Any, inputs: dict[str, torch.Tensor], gaps: list[int], ask: Callable[[], DecodingSettings]
) -> Iterator[FilledMask]:
    chance = Chance(ask().seed)
    # A gap takes a word, never a special token, another mask least of all.
    rules = ModelRules(suppressed=tuple(sorted(loaded.tokenizer.all_special_ids)))
    while gaps:
        with torch.inference_mode():
            output = logits_of(run_plainly(loaded.model, inputs))
        assert output is not None
        logits = torch.from_numpy(output[0].to("cpu", torch.float32).numpy())
        if not bool(torch.isfinite(logits[gaps].amax(-1)).all()):
            raise nonfinite_after(loaded, inputs)
        sure = torch.softmax(logits[gaps], -1).amax(-1)
        position = gaps.pop(int(sure.argmax()))
        context = StageContext(inputs["input_ids"][0].cpu().numpy(), inputs["input_ids"].shape[1], rules)
        # A gap is no end of a text: no n-gram runs up to it, and there is no first token to force.
        step = decide(logits[position], context, replace(ask(), no_repeat_ngram=0, forced=()), chance)
        text = loaded.tokenizer.decode([step.token_id])
        ids = inputs["input_ids"].clone()
        ids[0, position] = step.token_id
        inputs = {**inputs, "input_ids": ids}
        yield FilledMask(position, replace(step, text=text))
