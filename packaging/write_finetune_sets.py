"""Write the example sets that come with the app, for finetuning story-gpt on a laptop in a few minutes.

    python packaging/write_finetune_sets.py --out resources/finetune

Both sets are filled in from templates and word lists (`packaging/example_sets`), the same at every run. Beside each
stand the settings that make its effect visible, as fields of `FinetuneSettings`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from example_sets.pirates import stories
from example_sets.questions import UNSEEN, pairs

LORA = {"method": "lora", "rank": 8, "alpha": 16.0, "batch_size": 8}
PIRATE_SETTINGS = {
    **LORA,
    "learning_rate": 5e-3,
    "max_steps": 200,
    "sample_tokens": 48,
    "prompts": ["Once upon a time", "One day, a little girl named Lily", "The dog ran"],
}
QUESTION = "Question: {}\nAnswer:"
QUESTION_SETTINGS = {
    **LORA,
    "learning_rate": 5e-3,
    "max_steps": 450,
    "sample_tokens": 16,
    "prompts": [QUESTION.format(question) for question in UNSEEN],
}


def files() -> Iterator[tuple[str, str]]:
    """(name, content) of every file that is written."""
    yield "pirate-tales.jsonl", _lines([{"text": story} for story in stories()])
    yield "pirate-tales.settings.json", _settings(PIRATE_SETTINGS)
    records = [{"prompt": QUESTION.format(question), "completion": f" {answer}"} for question, answer in pairs()]
    yield "questions.jsonl", _lines(records)
    yield "questions.settings.json", _settings(QUESTION_SETTINGS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    folder: Path = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files():
        (folder / name).write_text(content, encoding="utf-8", newline="\n")
        print(f"{folder / name}: {content.count(chr(10))} lines")


def _lines(records: Sequence[dict[str, str]]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def _settings(settings: dict[str, Any]) -> str:
    return json.dumps(settings, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
