"""What the metrics mean in a sentence each, and their results as text for a paper or a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from app.engine.metrics.records import (
    BLEU,
    CHRF,
    METRICS,
    ROUGE_1,
    ROUGE_2,
    ROUGE_L,
    MetricReport,
    MetricsReport,
    PairReport,
)

SHOWN = (BLEU, CHRF, ROUGE_1, ROUGE_2, ROUGE_L)
"""The metrics with a readout and a column. ROUGE-Lsum differs from ROUGE-L for texts of several lines only."""
MEANINGS = {
    BLEU: "How many of a hypothesis's runs of one to four words stand in a reference, less where it is too short. "
    "100 is a reference word for word.",
    CHRF: "Runs of one to six letters in common, so a wrong ending costs less than a wrong word. "
    "What is left out weighs twice what is too much.",
    ROUGE_1: "Single words in common with the reference: F1 of precision and recall, times 100.",
    ROUGE_2: "Pairs of neighbouring words in common with the reference: F1 of precision and recall, times 100.",
    ROUGE_L: "The longest sequence of words that both have in the same order, with gaps allowed: F1, times 100.",
}
SHORT = {ROUGE_1: "R-1", ROUGE_2: "R-2", ROUGE_L: "R-L"}
"""Headings where there is little room."""
TOKENIZER_LABELS = {
    "13a": "13a, the usual one",
    "intl": "intl, all of Unicode",
    "char": "char, letter by letter",
    "none": "none, at spaces only",
    "zh": "zh, Chinese",
}
TOKENIZER_TIP = (
    "How BLEU cuts texts into words. Numbers are comparable only with the same one: papers use 13a, for Chinese zh, "
    "for other languages without spaces char."
)


def told(metric: MetricReport) -> str:
    """A metric for a tooltip: what it means and what it is made of here."""
    parts = "\n".join(f"{name}: {value}" for name, value in metric.parts)
    return f"{MEANINGS.get(metric.name, '')}\n\n{parts}".strip()


def scores_text(report: MetricsReport) -> str:
    """All scores with their parts and signatures, a metric a paragraph."""
    return "\n\n".join(
        "\n".join(
            (
                f"{metric.name} {metric.score:.2f}",
                metric.signature,
                *(f"{name}: {value}" for name, value in metric.parts),
            )
        )
        for metric in report.metrics
    )


def as_markdown(report: MetricsReport, rows: Sequence[PairReport]) -> str:
    """The table of pairs in this order, the scores of all under it, and the signatures."""
    lines = [_piped("#", "Hypothesis", "Reference", *SHOWN), _piped("--:", ":--", ":--", *["--:"] * len(SHOWN))]
    lines += [
        _piped(_line(row), row.pair.hypothesis, " / ".join(row.pair.references), *map(_short, shown_scores(row)))
        for row in rows
    ]
    lines.append(_piped("", "**All**", "", *(f"**{_short(report.metric(name).score)}**" for name in SHOWN)))
    signatures = dict.fromkeys(report.metric(name).signature for name in SHOWN)
    return "\n".join([*lines, "", *(f"`{signature}`" for signature in signatures)]) + "\n"


def as_csv(rows: Sequence[PairReport]) -> str:
    """The pairs in this order with all scores, a column for each reference."""
    most = max((len(row.pair.references) for row in rows), default=1)
    names = ["reference"] if most == 1 else [f"reference {place}" for place in range(1, most + 1)]
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(["line", "hypothesis", *names, *METRICS])
    for row in rows:
        references = [*row.pair.references, *[""] * (most - len(row.pair.references))]
        table.writerow([_line(row), row.pair.hypothesis, *references, *(f"{score:.4f}" for score in row.scores)])
    return written.getvalue()


def shown_scores(row: PairReport) -> tuple[float, ...]:
    """A pair's scores in the order of `SHOWN`."""
    return tuple(row.scores[METRICS.index(name)] for name in SHOWN)


def _short(score: float) -> str:
    return f"{score:.1f}"


def _line(row: PairReport) -> str:
    return str(row.pair.line or "")


def _piped(*cells: str) -> str:
    clean = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(clean)} |"
