"""Settings refuse what is outside their range, in a sentence, and describe themselves for a form."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from typing import Any

import numpy as np
import pytest

from app.engine.decode.settings import BALANCED, PRESETS, DecodingSettings, knobs
from app.engine.errors import UserError

NEUTRAL = {
    "method": "sample",
    "temperature": 1,
    "top_k": 0,
    "top_p": 1,
    "min_p": 0,
    "typical_p": 1,
    "repetition_penalty": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "no_repeat_ngram": 0,
    "num_beams": 1,
    "length_penalty": 1,
    "num_sequences": 1,
    "max_new_tokens": 60,
    "min_new_tokens": 0,
    "ignore_eos": False,
    "seed": None,
    "stop": (),
    "banned": (),
    "forced": (),
}


def test_the_defaults_are_neutral() -> None:
    assert {item.name: getattr(DecodingSettings(), item.name) for item in fields(DecodingSettings)} == NEUTRAL
    for name, knob in knobs().items():
        if knob.off is not None:
            assert getattr(DecodingSettings(), name) == knob.off


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "contrastive"),
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("temperature", "hot"),
        ("temperature", None),
        ("temperature", True),
        ("top_k", -1),
        ("top_k", 1.5),
        ("top_p", 1.01),
        ("top_p", -0.01),
        ("min_p", 2),
        ("typical_p", -1),
        ("repetition_penalty", 0),
        ("repetition_penalty", -1),
        ("no_repeat_ngram", -1),
        ("num_beams", 0),
        ("num_sequences", 0),
        ("max_new_tokens", 0),
        ("max_new_tokens", float("inf")),
        ("seed", -1),
        ("seed", 2**63),
        ("stop", ("a", "")),
        ("stop", 5),
        ("stop", (5,)),
        ("banned", 5),
        ("banned", (-1,)),
        ("forced", ("a",)),
    ],
)
def test_a_value_outside_its_range_is_refused(name: str, value: Any) -> None:
    with pytest.raises(UserError, match=name) as caught:
        DecodingSettings(**{name: value})
    if isinstance(value, float | int | str):
        assert str(value) in str(caught.value)


def test_the_sentence_names_the_range() -> None:
    with pytest.raises(UserError, match=r"top_p is 1\.5; it must be between 0 and 1\."):
        DecodingSettings(top_p=1.5)
    with pytest.raises(UserError, match=r"top_k is -3; it must be 0 or more\."):
        DecodingSettings(top_k=-3)


def test_values_are_made_plain() -> None:
    made = DecodingSettings(
        temperature=1, top_k=np.int64(4), top_p=np.float32(0.5), stop="END", banned=[1, np.int64(2)], max_new_tokens=3.0
    )
    assert [type(value) for value in (made.temperature, made.top_k, made.top_p, made.max_new_tokens)] == [
        float,
        int,
        float,
        int,
    ]
    assert made.stop == ("END",) and made.banned == (1, 2)
    assert DecodingSettings(stop=["a", "b"]).stop == ("a", "b")
    assert hash(made) == hash(DecodingSettings(**{item.name: getattr(made, item.name) for item in fields(made)}))


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        DecodingSettings().top_k = 3


def test_presets() -> None:
    assert DecodingSettings(temperature=0.8, top_k=40, top_p=0.9) == BALANCED == PRESETS["Balanced"]
    assert DecodingSettings() == PRESETS["Neutral"]


def test_every_setting_can_become_a_control() -> None:
    for name, knob in knobs().items():
        assert knob.label and knob.help.endswith("."), name
        if knob.slider and knob.minimum is not None:
            low, high = knob.slider
            assert knob.minimum <= low < high and (knob.maximum is None or high <= knob.maximum)
            for value in (low, high):
                DecodingSettings(**{name: value})


def test_greedy_in_all_but_name() -> None:
    assert DecodingSettings().draws and DecodingSettings(method="beam_sample").draws
    assert not DecodingSettings(temperature=0).draws
    assert not DecodingSettings(temperature=5e-324).draws
    assert not DecodingSettings(method="greedy").draws


def test_settings_and_records_need_no_torch() -> None:
    code = (
        "import sys; from app.engine.decode import DecodingSettings, Step, StageOutcome; "
        "import app.engine.decode.draw; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
