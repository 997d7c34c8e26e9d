"""Tables of models and texts with made-up figures, for tests of what shows them."""

from __future__ import annotations

from dataclasses import replace
from math import log, nan

from app.engine.evaluate.records import CAUSAL
from app.session.measured import DONE, Cell, ColumnHead, Contender, Figures, RowHead, Table

MODELS = (("story-gpt", "A", 5632, "own"), ("gpt2", "B", 50257, "gpt2"), ("distilgpt2", "", 50257, "gpt2"))
TEXTS = ("Bedtime story", "Fairy tale")
BITS = ((0.58, 1.05), (0.79, 0.96), (0.86, 1.04))
PERPLEXITIES = ((4.8, 11.9), (10.0, 15.2), (12.2, 19.2))


def figures(
    model: str = "story-gpt", text: str = "Fairy tale", bits: float = 1.05, perplexity: float = 11.9
) -> Figures:
    """One measurement."""
    return Figures(
        model=model,
        ref=f"/models/{model}",
        text=text,
        objective=CAUSAL,
        perplexity=perplexity,
        nats_per_token=log(perplexity),
        bits_per_byte=bits,
        word_perplexity=40.5,
        byte_perplexity=2**bits,
        tokens=1000,
        bytes=3400,
        words=600,
        records=1,
        skipped=0,
        window=512,
        stride=256,
        plan="sliding",
        precision="fp32",
        device="cpu",
        seconds=3.25,
        standard_error=nan,
        accuracy=0.475,
        top5=0.71,
        entropy=2.25,
        calibration_error=0.034,
        family="gpt2",
        parameters=6_300_000,
        vocabulary=5632,
        text_hash="ab" * 32,
        model_hash="cd" * 32,
        tokenizer_hash="own",
        versions="torch 2.13.0, transformers 5.23.1",
        source=f"/texts/{text}.txt",
        text_mark="ef" * 32,
        when=1_795_642_028.0,
        key=f"{model}/{text}",
    )


def table() -> Table:
    """Three models, two of one tokenizer, on two texts; everything is measured."""
    rows, cells = [], []
    for (model, slot, vocabulary, tokenizer), bits, perplexities in zip(MODELS, BITS, PERPLEXITIES, strict=True):
        rows.append(RowHead(Contender(f"/models/{model}", slot=slot), model, "6.3M", vocabulary))
        line = [
            replace(figures(model, text, each, perplexity), tokenizer_hash=tokenizer)
            for text, each, perplexity in zip(TEXTS, bits, perplexities, strict=True)
        ]
        lowest = [min(column) for column in zip(*BITS, strict=True)]
        cells.append(
            tuple(Cell(DONE, each, best=each.bits_per_byte == low) for each, low in zip(line, lowest, strict=True))
        )
    return Table(tuple(rows), tuple(ColumnHead(text, "3.4 kB") for text in TEXTS), tuple(cells))


def with_cell(before: Table, row: int, column: int, cell: Cell) -> Table:
    """The table with another cell in this place."""
    cells = [list(line) for line in before.cells]
    cells[row][column] = cell
    return replace(before, cells=tuple(tuple(line) for line in cells))


def split_alike(before: Table) -> Table:
    """The table with one tokenizer for all."""
    return replace(
        before,
        cells=tuple(
            tuple(replace(cell, figures=cell.figures and replace(cell.figures, tokenizer_hash="own")) for cell in line)
            for line in before.cells
        ),
    )
