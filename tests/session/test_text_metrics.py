"""A model writes hypotheses: one for each row of a table or line of a text, whatever becomes of the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.engine.errors import UserError
from app.engine.models import load
from app.session import text_metrics


def test_one_text_is_written_for_each_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_metrics, "MOST_NEW_TOKENS", 3)
    loaded = load("story-gpt")

    def written(name: str, content: str) -> tuple[list[str], UserError | None]:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8", newline="")
        steps, found = text_metrics._written(loaded, str(path)), []
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                return found, stop.value
            found += [step] if isinstance(step, str) else []

    dog = written("one.txt", "The dog")[0][0]
    assert dog
    table = 'id,text\n1,"The dog"\n2,"Once upon\na time"\n3,The dog\n'
    found, said = written("in.csv", table)
    assert said is None and len(found) == 3 and found[0] == found[2] == dog
    rows = [{"text": "The dog"}, {"text": ""}, {"text": None}, {"text": "The dog"}]
    found, said = written("in.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert (found, said) == ([dog, "", "", dog], None), "each row keeps its place beside its references"
    found, said = written("in.txt", f"The cat\u2028sat\f down\r\n\nThe dog\n{'long ' * 2_000}\nThe dog\n\n")
    assert len(found) == 5 and found[1] == found[3] == "" and found[2] == found[4] == dog
    assert said is not None and "1 of 5 texts" in str(said) and "line 4:" in str(said)
