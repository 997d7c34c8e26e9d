"""The table of every architecture: how it is captured, and how far that lies from the untouched model.

PYTHONPATH=.:tests python -m engine.trace.family_table
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
import transformers
from engine.family_configs import EVERY, save

from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.engine.trace.exactness import measure_exactness
from app.engine.trace.tap import ASIDE, BESIDE, THROUGH, way_of

WAYS = {
    BESIDE: "beside sdpa",
    THROUGH: "through its eager attention",
    ASIDE: "at its softmax",
}


def row(family: str, model: LoadedModel) -> str:
    """One line of Markdown."""
    measured = measure_exactness(model)
    pattern = measured.reason if measured.pattern is None else f"{measured.pattern:.1e}"
    summary, way = model.summary, WAYS[way_of(model.model)]
    return f"| {family} | {summary.kind} | {way} | {summary.position} | {measured.logits:g} | {pattern} |"


def main() -> None:
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    print("| family | kind | captured | positions | logits from untouched | patterns from eager |")
    print("| --- | --- | --- | --- | ---: | ---: |")
    with tempfile.TemporaryDirectory() as root:
        for family in EVERY:
            print(row(family, load(save(Path(root) / family, family))), flush=True)


if __name__ == "__main__":
    main()
