"""The session as a file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from app.engine.decode.settings import DecodingSettings
from app.engine.finetune.records import COMPLETION, Shape
from app.engine.finetune.settings import FinetuneSettings
from app.engine.texts.records import FILE, TextSource
from app.session.kept_finetune import KeptFinetune
from app.session.saved import VERSION, Saved, decode, encode, read, with_recent, write
from app.session.state import OpenRequest, Selection

FULL = Saved(
    models={"A": OpenRequest("story-gpt"), "B": OpenRequest("/models/other", "cpu", "bf16", "B")},
    prompt="A “strange” prompt\n🙂",
    selection=Selection("blocks.2.attn.q", 2, 1, 3, None),
    settings=DecodingSettings(temperature=0.3, stop=("\n", "end"), banned=(4, 5), seed=9),
    recent=("story-gpt", "/models/other"),
    finetune=KeptFinetune(
        TextSource(FILE, "pairs.csv", path="/data/pairs.csv"),
        Shape(COMPLETION, (("prompt", "q"), ("completion", "a"))),
        FinetuneSettings(max_steps=7, targets=("c_attn",), prompts=("Once", "Ahoy")),
        FinetuneSettings(rank=4),
        "/runs/pairs",
    ),
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "session.json", encode(FULL))
    assert read(tmp_path / "deep" / "session.json") == (FULL, "")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["session.json"]


def test_no_file_is_an_empty_session(tmp_path: Path) -> None:
    assert read(tmp_path / "session.json") == (Saved(), "")


def test_version_1_is_migrated() -> None:
    content = {
        "version": 1,
        "model": "story-gpt",
        "prompt": "Once",
        "selection": asdict(Selection()),
        "settings": asdict(DecodingSettings(top_k=7)),
    }
    found = decode(json.dumps(content))
    assert found.models == {"A": OpenRequest("story-gpt")}
    assert (found.prompt, found.settings.top_k, found.recent) == ("Once", 7, ())
    assert found.finetune == KeptFinetune()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        "{}",
        json.dumps({"version": 0}),
        json.dumps({"version": VERSION + 1}),
        json.dumps({"version": VERSION, "prompt": "cut off"}),
        encode(FULL).replace('"temperature": 0.3', '"temperature": -3'),
        encode(FULL)[:-40],
    ],
)
def test_what_cannot_be_read_is_kept_aside(text: str, tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    path.write_text(text, encoding="utf-8")
    found, note = read(path)
    assert found == Saved()
    aside = next(tmp_path.glob("session-unreadable-*.json"))
    assert aside.read_text(encoding="utf-8") == text
    assert str(aside) in note
    assert not path.exists()


def test_recent_ones_are_kept_once_the_newest_first() -> None:
    recent: tuple[str, ...] = ()
    for name in ("a", "b", "a", *map(str, range(20))):
        recent = with_recent(recent, name)
    assert recent[0] == "19"
    assert len(recent) == len(set(recent)) == 12
