"""The command line says what it has when it is asked for something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.ui.options import Options, parse


def test_nothing_said() -> None:
    assert parse([]) == Options(None, None, None, None, None, None)


def test_everything_said() -> None:
    words = [
        "--model",
        "x",
        "--page",
        "generate",
        "--prompt",
        "y",
        "--theme",
        "dark",
        "--size",
        "1200x800",
        "--screenshot",
        "z.png",
    ]
    assert parse(words) == Options("x", "generate", "y", "dark", (1200, 800), Path("z.png"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--page", "prompt"], "the pages are model, inspect, generate, evaluate, finetune"),
        (["--theme", "pink"], "the themes are light, dark, system"),
        (["--size", "big"], "write for instance 1440x900"),
        (["--size", "640x480"], "at least 1120x720"),
        (["--present"], "--screenshot"),
        (["--compare", "gpt2"], "unrecognized arguments"),
    ],
)
def test_what_is_not_there_ends_with_a_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(words)
    assert ended.value.code == 1
    assert said in capsys.readouterr().err
