"""Figures as CSV, Markdown and JSON: every field, so that a number can be checked and measured again."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime

from app.session.measured import Figures

HEADERS = {
    "model": "Model",
    "ref": "Opened from",
    "text": "Text",
    "objective": "Objective",
    "bits_per_byte": "Bits per byte",
    "standard_error": "Standard error of bits per byte",
    "perplexity": "Perplexity",
    "nats_per_token": "Nats per token",
    "word_perplexity": "Perplexity per word",
    "byte_perplexity": "Perplexity per byte",
    "accuracy": "Accuracy",
    "top5": "In the first five",
    "entropy": "Entropy (nats)",
    "calibration_error": "Calibration error",
    "tokens": "Scored tokens",
    "bytes": "Bytes",
    "words": "Words",
    "records": "Records",
    "skipped": "Skipped records",
    "window": "Window",
    "stride": "Stride",
    "plan": "Plan",
    "precision": "Precision",
    "device": "Device",
    "seconds": "Seconds",
    "when": "Measured at",
    "family": "Family",
    "parameters": "Parameters",
    "vocabulary": "Vocabulary",
    "text_hash": "Text sha256",
    "model_hash": "Mark of the model's files",
    "model_contents": "Model sha256",
    "model_commit": "Model commit",
    "tokenizer_hash": "Tokenizer hash",
    "versions": "Versions",
    "source": "Source",
    "revision": "Revision of the dataset",
    "config": "Configuration",
    "split": "Split",
    "limit": "Row limit",
    "column": "Column",
    "source_column": "Source column",
    "encoding": "Encoding",
    "text_mark": "Mark of the source",
    "asked": "Windows asked for",
    "cell": "Cell",
    "key": "Key of all inputs",
    "note": "Note",
}
"""Every field of a measurement in the order of the files, with the words above its column."""
PASTED = (
    "model",
    "text",
    "objective",
    "bits_per_byte",
    "perplexity",
    "nats_per_token",
    "tokens",
    "bytes",
    "window",
    "stride",
    "precision",
)
"""The columns of a table to paste: what a reader needs to compare the figures."""

_FLOATS = frozenset(field.name for field in fields(Figures) if field.type == "float") - {"when"}
_NUMBERS = _FLOATS | {field.name for field in fields(Figures) if field.type == "int"}
_JOINT = "\x1f"
"""Stands between the parts of a cell's name; a control character has no place in a file for people."""
_LINE_BREAKS = str.maketrans({"\n": " ", "\r": " "})


def as_csv(figures: Sequence[Figures]) -> str:
    """A header and a line for each measurement. Numbers read back as the same floats; NaN is an empty field."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADERS.values())
    writer.writerows([_plain(each, name) for name in HEADERS] for each in figures)
    return out.getvalue()


def as_markdown(figures: Sequence[Figures]) -> str:
    """A table to paste, of `PASTED` columns. Floats are cut to six significant figures; NaN is an empty cell."""
    rule = ["---:" if name in _NUMBERS else "---" for name in PASTED]
    rows = [[_cell(each, name) for name in PASTED] for each in figures]
    return "".join(f"| {' | '.join(row)} |\n" for row in [[HEADERS[name] for name in PASTED], rule, *rows])


def as_json(figures: Sequence[Figures]) -> str:
    """A list of objects under the names of the fields. JSON has neither NaN nor infinity: they are null and
    "Infinity"."""
    rows = [{name: _json_value(each, name) for name in HEADERS} for each in figures]
    return json.dumps(rows, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def iso_time(when: float) -> str:
    """Seconds since the epoch as "2026-11-25T21:27:08+00:00"; '' for NaN."""
    return "" if math.isnan(when) else datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds")


def _plain(figures: Figures, name: str) -> str:
    value = getattr(figures, name)
    if name == "when":
        return iso_time(value)
    return "" if isinstance(value, float) and math.isnan(value) else _readable(str(value))


def _cell(figures: Figures, name: str) -> str:
    value = getattr(figures, name)
    if name in _FLOATS:
        return "" if math.isnan(value) else f"{value:.6g}"
    return _plain(figures, name).translate(_LINE_BREAKS).replace("\\", "\\\\").replace("|", "\\|")


def _json_value(figures: Figures, name: str) -> str | float | None:
    value: str | float = getattr(figures, name)
    if name == "when":
        return iso_time(float(value)) or None
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "Infinity"
    return _readable(value) if isinstance(value, str) else value


def _readable(words: str) -> str:
    return words.replace(_JOINT, " / ")
