"""The example sets for finetuning are what their script writes, and what the bundled model can learn from."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from app.engine.finetune.settings import FinetuneSettings
from write_finetune_sets import files

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
FOLDER = RESOURCES / "finetune"
SETS = ("pirate-tales", "questions")


def records(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def test_files_are_what_the_script_writes() -> None:
    for name, content in files():
        assert (FOLDER / name).read_bytes().decode("utf-8") == content, name


@pytest.mark.parametrize("name", SETS)
def test_no_record_stands_twice_and_no_slot_is_left(name: str) -> None:
    texts = ["".join(record.values()) for record in records(name)]
    assert len(set(texts)) == len(texts)
    assert not [text for text in texts if "{" in text or "  " in text or text != text.rstrip()]


def test_stories_are_short_to_the_model() -> None:
    tokenizer = AutoTokenizer.from_pretrained(RESOURCES / "models" / "story-gpt")
    lengths = [len(tokenizer(record["text"])["input_ids"]) for record in records("pirate-tales")]
    assert min(lengths) >= 40
    assert max(lengths) <= 110


def test_a_question_has_one_answer() -> None:
    answers = defaultdict(set)
    for record in records("questions"):
        assert record["prompt"].startswith("Question: ") and record["prompt"].endswith("\nAnswer:")
        assert record["completion"].startswith(" ") and record["completion"].endswith(".")
        answers[record["prompt"]].add(record["completion"])
    assert [prompt for prompt, found in answers.items() if len(found) > 1] == []


@pytest.mark.parametrize("name", SETS)
def test_settings_are_a_finetunes_own_and_ask_what_is_not_in_the_set(name: str) -> None:
    settings = FinetuneSettings(**json.loads((FOLDER / f"{name}.settings.json").read_text(encoding="utf-8")))
    assert settings.prompts
    assert not {record.get("prompt") for record in records(name)} & set(settings.prompts)


def test_the_readme_counts_right() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in SETS:
        assert f"| `{name}.jsonl` | {len(records(name))} |" in text
