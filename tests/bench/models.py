"""What is measured on: the bundled story-gpt, random GPT-2s of known size, and texts of an exact length."""

from __future__ import annotations

import logging
import random
import tempfile
from pathlib import Path
from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from app.engine.models import load
from app.engine.models.loaded import LoadedModel

STORY = "story-gpt"


def one_thread() -> None:
    """Let torch compute on one thread, and transformers be silent about what is meant."""
    torch.set_num_threads(1)
    logging.getLogger("transformers").setLevel(logging.ERROR)


def random_gpt2(**changes: Any) -> LoadedModel:
    """A GPT-2 with random weights (without `changes` of the first GPT-2's size) behind story-gpt's tokenizer."""
    with tempfile.TemporaryDirectory(prefix="unembed-bench-") as folder:
        return load(saved_gpt2(Path(folder), **changes))


def saved_gpt2(folder: Path, **changes: Any) -> Path:
    """The folder of such a model."""
    torch.manual_seed(0)
    GPT2LMHeadModel(GPT2Config(**changes)).save_pretrained(folder)
    load(STORY).tokenizer.save_pretrained(folder)
    return folder


def text_of(tokenizer: Any, count: int) -> str:
    """A text of exactly `count` tokens: random digits, cut where the count is right."""
    draw = random.Random(count)
    text = "".join(draw.choice("0123456789 ") for _ in range(3 * count))
    low, high = 1, len(text)
    while low < high:
        middle = (low + high) // 2
        if len(tokenizer(text[:middle])["input_ids"]) < count:
            low = middle + 1
        else:
            high = middle
    found = len(tokenizer(text[:low])["input_ids"])
    if found != count:
        raise ValueError(f"The text has {found} tokens instead of {count}.")
    return text[:low]
