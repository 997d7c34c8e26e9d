"""Tokens per second: our loop, alone and with the window watching, against generate() and against the bare loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import TextIteratorStreamer

from app.engine.decode import DecodingSettings, stream
from app.engine.decode.batch import stream_batch
from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from tests.bench.desk import Desk
from tests.bench.measure import Budget, Row, compare, hand_over, in_turn, per_second
from tests.bench.models import STORY, one_thread

PROMPT = "Once upon a time, there was a"
TOKENS = 200
REPEATS = 9
# Punishing nothing and cutting nothing, and what the program starts with.
SETTINGS = {
    "neutral sampling": DecodingSettings(max_new_tokens=TOKENS),
    "temperature 0.8, top-k 40, top-p 0.9": DecodingSettings(
        temperature=0.8, top_k=40, top_p=0.9, max_new_tokens=TOKENS
    ),
}


def ours(loaded: LoadedModel, settings: DecodingSettings) -> float:
    """Tokens per second of `stream`."""
    start = time.perf_counter()
    count = sum(1 for _ in stream(loaded, PROMPT, settings))
    return count / (time.perf_counter() - start)


def recording(loaded: LoadedModel, settings: DecodingSettings) -> float:
    """Tokens per second of `stream` with one head's row recorded at every token."""
    start = time.perf_counter()
    count = sum(1 for _ in stream(loaded, PROMPT, settings, watch=lambda: ("self", 1, 2)))
    return count / (time.perf_counter() - start)


def side_by_side(loaded: LoadedModel, settings: DecodingSettings) -> float:
    """Tokens per second of four texts in one batch, all of them counted."""
    start = time.perf_counter()
    count = sum(1 for _ in stream_batch(loaded, PROMPT, settings, 4))
    return count / (time.perf_counter() - start)


def with_generate(loaded: LoadedModel, settings: DecodingSettings) -> float:
    """Tokens per second of `generate()` on a thread, its text read through TextIteratorStreamer."""
    inputs = loaded.tokenizer(PROMPT, return_tensors="pt")
    streamer = TextIteratorStreamer(loaded.tokenizer, skip_prompt=True)
    made: list[Any] = []

    def run() -> None:
        made.append(
            loaded.model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                streamer=streamer,
                do_sample=True,
                temperature=settings.temperature,
                top_k=settings.top_k,
                top_p=settings.top_p,
                max_new_tokens=settings.max_new_tokens,
                pad_token_id=loaded.tokenizer.eos_token_id,
            )
        )

    start = time.perf_counter()
    worker = threading.Thread(target=run)
    worker.start()
    for _ in streamer:
        pass
    worker.join()
    return (made[0].shape[1] - inputs["input_ids"].shape[1]) / (time.perf_counter() - start)


def bare(loaded: LoadedModel, settings: DecodingSettings) -> float:
    """Tokens per second of the least that writes text: forward with the KV cache, softmax, draw, append."""
    ids = loaded.tokenizer(PROMPT, return_tensors="pt")["input_ids"]
    end, cache, count = loaded.tokenizer.eos_token_id, None, 0
    start = time.perf_counter()
    with torch.inference_mode():
        while count < settings.max_new_tokens:
            output = loaded.model(input_ids=ids, past_key_values=cache, use_cache=True)
            cache = output.past_key_values
            ids = torch.multinomial(torch.softmax(output.logits[:, -1].float(), -1), 1)
            count += 1
            if ids.item() == end:
                break
    return count / (time.perf_counter() - start)


def watched(desk: Desk, settings: DecodingSettings) -> Callable[[], float]:
    """Tokens per second with the Generate page drawing every one of them."""

    def measured() -> float:
        count, taken = desk.generate(PROMPT, settings)
        return count / taken

    return measured


def measure(tokens: int = TOKENS, repeats: int = REPEATS) -> list[Row]:
    """Rows for both settings; the bare loop only where it does the same."""
    one_thread()
    loaded, desk, rows = load(STORY), Desk(), []
    for name, base in SETTINGS.items():
        settings = DecodingSettings(**{**vars(base), "max_new_tokens": tokens})
        sides: dict[str, Callable[[], float]] = {
            "ours": lambda settings=settings: ours(loaded, settings),
            "watched": watched(desk, settings),
            "generate": lambda settings=settings: with_generate(loaded, settings),
            "recording": lambda settings=settings: recording(loaded, settings),
            "four": lambda settings=settings: side_by_side(loaded, settings),
            "bare": lambda settings=settings: bare(loaded, settings),
        }
        numbers = in_turn(sides, repeats)
        streamer = "generate() with TextIteratorStreamer"
        at_least = Budget(1.2, at_least=True)
        rows.append(compare(f"stream(); {name}", numbers["ours"], streamer, numbers["generate"], at_least, per_second))
        rows.append(
            compare(f"window watching; {name}", numbers["watched"], streamer, numbers["generate"], at_least, per_second)
        )
        recorded = Budget(0.9, at_least=True)
        rows.append(
            compare(
                f"one head recorded; {name}", numbers["recording"], "stream()", numbers["ours"], recorded, per_second
            )
        )
        rows.append(
            compare(f"four texts in a batch; {name}", numbers["four"], "stream()", numbers["ours"], None, per_second)
        )
        limit = Budget(0.95, at_least=True) if name == "neutral sampling" else None
        rows.append(compare(f"stream(); {name}", numbers["ours"], "bare loop", numbers["bare"], limit, per_second))
    desk.close()
    return rows


if __name__ == "__main__":
    hand_over(measure())
