"""What the Explain panel says on this page."""

from __future__ import annotations

from html import escape

from app.engine.evaluate.records import CAUSAL, CONDITIONAL, LN2, MASKED, OBJECTIVE_WORDS
from app.session.measured import CellReading, Figures
from app.ui.explanation import Explanation

INTRODUCTION = Explanation(
    title="Surprise and perplexity",
    looking_at="Each row is a model, each column a text. A cell says how surprised the model was by the text: the "
    "lower, the better it foresaw it.",
    formula_caption="Formula",
    formula_html="surprise = −log<sub>2</sub> <i>p</i>",
    plain="A model that gives the next token half of its probability is surprised by one bit. <b>Bits per byte</b> "
    "divides all surprise by the length of the text in bytes, so models that cut it into different tokens can be "
    "compared. <b>Perplexity</b> divides by the tokens instead and cannot.",
    try_this="Press <b>Measure</b>, then click a cell to see where in the text the surprise lies.",
)

BY_HAND = Explanation(
    title="Perplexity by hand",
    looking_at="The probability that the model gave each token of a short sentence, multiplied, and brought back to "
    "one token.",
    formula_html="perplexity = ( <i>p</i><sub>1</sub> · <i>p</i><sub>2</sub> · … · <i>p</i><sub>n</sub> )"
    "<sup>−1/n</sup>",
    formula_caption="Formula",
    plain="The geometric mean is the probability that, given to every token alike, would make the same product. Its "
    "reciprocal is the number of equally likely tokens the model hesitated among.",
    try_this="Type <b>0.5, 0.5, 0.5</b> under My numbers: the perplexity is 2. Then change one of them to 0.01.",
)

TEXT_METRICS = Explanation(
    title="BLEU and ROUGE",
    looking_at="A text that a model wrote, held against what a person would have written. Marked words stand in both, "
    "in the same order.",
    formula_caption="Formula",
    formula_html="BLEU = BP · exp( ¼ Σ ln <i>p</i><sub>n</sub> )",
    plain="<b>BLEU</b> asks how much of the written text is in a reference (1 to 4 words in a row, and a penalty BP "
    "for being short). <b>ROUGE</b> asks how much of the reference came back. <b>chrF</b> compares letters. None of "
    "them reads for meaning.",
    try_this="Swap two words of a hypothesis: BLEU falls at once, ROUGE-1 stays as it is.",
)

_SURPRISE = "A pale token was <b>expected</b>. A dark token was a <b>surprise</b>. The number is the cost in bits."
_A_LESS_B = (
    "The colours show <b>A − B</b>: one marks what A paid <b>more</b> for than B, the other what it paid <b>less</b> "
    "for, as the legend says."
)
_TITLES = {CAUSAL: "Surprise and perplexity", MASKED: "Pseudo-perplexity", CONDITIONAL: "Conditional perplexity"}
_PLAIN = {
    CAUSAL: "A perplexity of {perplexity} means that the model hesitated as if among {round} equally likely tokens, "
    "token after token. The first token of each record has nothing before it and is not scored; of very short records "
    "that lowers bits per byte. The lm-eval blocks score it too.",
    MASKED: "Each token was hidden alone and guessed from all the others, on both sides. That is easier than guessing "
    "what comes next, so this figure is never ranked with a perplexity (Salazar et al. 2020).",
    CONDITIONAL: "The model saw the whole source and the target's tokens before each one. It is what training this "
    "kind of model makes small.",
}


def explain_cell(reading: CellReading, difference: bool = False) -> Explanation:
    """The formula with the numbers of the chosen cell, or of the two that are compared; `difference`: A − B is what
    the colours show."""
    first, slot = reading.figures[reading.chosen], reading.slots[reading.chosen]
    versus = f", {slot} beside {reading.slots[1 - reading.chosen]}" if len(reading.figures) > 1 else f", {first.model}"
    perplexity = f"{first.perplexity:,.1f}"
    return Explanation(
        title=_TITLES[first.objective],
        subtitle=f"{first.text}{versus}",
        looking_at=_A_LESS_B if difference and len(reading.figures) > 1 else _SURPRISE,
        formula_html="surprise = −log<sub>2</sub> <i>p</i><br>perplexity = 2<sup>mean surprise</sup><br>"
        "bits per byte = total ⁄ bytes",
        formula_caption="Formula, with this text’s numbers",
        formula_note=_numbers(reading.figures, reading.slots) + _noise(reading),
        plain=_PLAIN[first.objective].format(perplexity=perplexity, round=f"{first.perplexity:,.0f}"),
        try_this="Click a dark token to see what the model had expected there, and look inside.",
    )


def _numbers(figures: tuple[Figures, ...], slots: tuple[str, ...]) -> str:
    """The figures of the formula as a small table."""
    rows = (
        ("Tokens", [f"{each.tokens:,}" for each in figures]),
        ("Bits per token", [f"{each.nats_per_token / LN2:.2f}" for each in figures]),
        ("Bytes per token", [f"{each.bytes / max(each.tokens, 1):.2f}" for each in figures]),
        ("<b>Bits per byte</b>", [f"<b>{each.bits_per_byte:.3f}</b>" for each in figures]),
        (OBJECTIVE_WORDS[figures[0].objective].capitalize(), [f"{each.perplexity:,.2f}" for each in figures]),
        ("Entropy, bits", [f"{each.entropy / LN2:.2f}" for each in figures]),
        ("First choice right", [f"{each.accuracy * 100:.1f}%" for each in figures]),
        ("Among first five", [f"{each.top5 * 100:.1f}%" for each in figures]),
    )
    head = "".join(f"<td align='right'><b>{escape(slot)}</b></td>" for slot in slots) if len(figures) > 1 else ""
    lines = ""
    for words, values in rows:
        cells = "".join(f"<td align='right'>{value}</td>" for value in values)
        lines += f"<tr><td>{words}</td>{cells}</tr>"
    top = f"<tr><td></td>{head}</tr>" if head else ""
    return f"<table width='100%' cellpadding='2'>{top}{lines}</table>"


def _noise(reading: CellReading) -> str:
    found = reading.comparison
    if found is None:
        return ""
    better, other = (reading.slots[0], reading.slots[1]) if found.difference < 0 else reading.slots[::-1]
    between = f"{min(abs(found.low), abs(found.high)):.3f} and {max(abs(found.low), abs(found.high)):.3f}"
    if found.clear:
        return (
            f"<br>{better} pays {abs(found.difference):.3f} bits per byte less than {other}, with 95% certainty "
            f"between {between} ({found.parts:,} parts of the text resampled)."
        )
    return (
        f"<br>The difference of {abs(found.difference):.3f} bits per byte is <b>within noise</b>: resampling "
        f"{found.parts:,} parts of the text gives from {found.low:+.3f} to {found.high:+.3f}."
    ).replace("-", "−")
