"""Scores are those of sacrebleu and rouge-score, and those that the papers work out by hand."""

from __future__ import annotations

import random
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from app.engine.errors import UserError
from app.engine.metrics import MetricSettings, MetricsRequest, TextPair, measure, measure_lines, measure_steps
from app.engine.metrics.records import BLEU, CHRF, METRICS, ROUGE_1, ROUGE_2, ROUGE_L, MetricsProgress, MetricsReport
from app.engine.metrics.rouge import MOST_CELLS

ROOT = Path(__file__).resolve().parents[3]
KEYS = {"ROUGE-1": "rouge1", "ROUGE-2": "rouge2", "ROUGE-L": "rougeL", "ROUGE-Lsum": "rougeLsum"}
PAPINENI = (
    "It is a guide to action that ensures that the military will forever heed Party commands",
    "It is the guiding principle which guarantees the military forces always being under the command of the Party",
    "It is the practical guide for the army always to heed the directions of the party",
)
"""References of Papineni et al. 2002, example 1."""
GUNMAN = "police killed the gunman"
"""Reference of Lin 2004, section 3.1."""


def some_pairs(seed: int, most_references: int) -> list[TextPair]:
    chance = random.Random(seed)
    words = ["The", "cat", "sat,", "on", "3.5", "it's", "“fine”", "&", "l'été", "walking", "walked", "Walks."]

    def text(least: int) -> str:
        return " ".join(chance.choices(words, k=chance.randint(least, 15)))

    return [TextPair(text(0), tuple(text(1) for _ in range(chance.randint(1, most_references)))) for _ in range(25)] + [
        TextPair("The cat sat,", ("The cat sat,",))
    ]


def streams(pairs: list[TextPair]) -> list[list[str | None]]:
    """References as sacrebleu takes them: the first of every pair, then the second, None where there is none."""
    most = max(len(pair.references) for pair in pairs)
    padded = [[*pair.references, *[None] * (most - len(pair.references))] for pair in pairs]
    return [list(stream) for stream in zip(*padded, strict=True)]


def precisions(report: MetricsReport) -> list[Fraction]:
    """The n-gram precisions as they are counted, "33.3% (2 of 6)"."""
    found = []
    for name, value in report.metric(BLEU).parts:
        if name.endswith("precision"):
            correct, _, total = value.partition("(")[2].rstrip(")").removesuffix(", smoothed").split()
            found.append(Fraction(int(correct), int(total)))
    return found


@pytest.mark.parametrize("most_references", [1, 3])
@pytest.mark.parametrize("options", [{}, {"lowercase": True}, {"tokenizer": "intl"}, {"tokenizer": "char"}])
def test_bleu_and_chrf_are_sacrebleus(options: dict[str, object], most_references: int) -> None:
    pairs = some_pairs(7, most_references)
    report = measure(pairs, MetricSettings(**options))  # type: ignore[arg-type]
    renamed = {"tokenize" if name == "tokenizer" else name: value for name, value in options.items()}
    bleu, chrf = sacrebleu.BLEU(**renamed), sacrebleu.CHRF(lowercase=bool(options.get("lowercase")))
    for name, metric in ((BLEU, bleu), (CHRF, chrf)):
        expected = metric.corpus_score([pair.hypothesis for pair in pairs], streams(pairs))
        assert report.metric(name).score == pytest.approx(expected.score, rel=1e-12)
        assert report.metric(name).signature == str(metric.get_signature())
    single = sacrebleu.BLEU(effective_order=True, **renamed)
    for row, pair in zip(report.rows, pairs, strict=True):
        assert row.scores[0] == pytest.approx(single.sentence_score(pair.hypothesis, pair.references).score)
        assert row.scores[1] == pytest.approx(chrf.sentence_score(pair.hypothesis, pair.references).score)
    single.corpus_score([pair.hypothesis for pair in pairs], streams(pairs))
    assert report.row_signature == str(single.get_signature())


@pytest.mark.parametrize("tokenizer", ["none", "zh"])
def test_other_tokenizers_are_sacrebleus(tokenizer: str) -> None:
    pairs = [TextPair("猫 坐在 mat 上。", ("猫坐在垫子上。",)), TextPair("it is, here", ("it is, there",))]
    expected = sacrebleu.BLEU(tokenize=tokenizer).corpus_score([pair.hypothesis for pair in pairs], streams(pairs))
    assert measure(pairs, MetricSettings(tokenizer)).metric(BLEU).score == pytest.approx(expected.score)


def test_chrf_with_words_is_sacrebleus() -> None:
    pairs = some_pairs(3, 2)
    metric = sacrebleu.CHRF(word_order=2)
    expected = metric.corpus_score([pair.hypothesis for pair in pairs], streams(pairs))
    made = measure(pairs, MetricSettings(word_order=2)).metric(CHRF)
    assert made.score == pytest.approx(expected.score)
    assert made.signature == str(metric.get_signature())
    assert made.parts[0] == ("Variant", "chrF2++")


@pytest.mark.parametrize("stemmer", [False, True])
@pytest.mark.parametrize("most_references", [1, 3])
def test_rouge_is_the_reference_implementations(stemmer: bool, most_references: int) -> None:
    pairs = some_pairs(11, most_references)
    report = measure(pairs, MetricSettings(stemmer=stemmer))
    scorer = RougeScorer(list(KEYS.values()), use_stemmer=stemmer)
    expected = [scorer.score_multi(list(pair.references), pair.hypothesis) for pair in pairs]
    for name, key in KEYS.items():
        place = METRICS.index(name)
        assert [row.scores[place] for row in report.rows] == pytest.approx([100 * e[key].fmeasure for e in expected])
        mean = sum(each[key].fmeasure for each in expected) / len(expected)
        assert report.metric(name).score == pytest.approx(100 * mean)
    words = "on" if stemmer else "off"
    assert report.metric(ROUGE_1).signature == f"rouge-score 0.1.2, stemmer {words}, mean over 26 pairs"


def test_papineni_clips_repeated_words() -> None:
    references = ("The cat is on the mat", "There is a cat on the mat")
    report = measure([TextPair("the the the the the the the", references)], MetricSettings(lowercase=True))
    assert precisions(report)[:2] == [Fraction(2, 7), 0]


def test_papineni_tells_the_good_candidate_from_the_bad() -> None:
    good = "It is a guide to action which ensures that the military always obeys the commands of the party"
    bad = "It is to insure the troops forever hearing the activity guidebook that party direct"
    lower = MetricSettings(lowercase=True)
    first, second = (measure([TextPair(text, PAPINENI)], lower) for text in (good, bad))
    assert precisions(first)[:2] == [Fraction(17, 18), Fraction(10, 17)]
    assert precisions(second)[:2] == [Fraction(8, 14), Fraction(1, 13)]
    assert first.metric(BLEU).score > second.metric(BLEU).score


def test_bleu_by_hand() -> None:
    # 5, 4, 3 and 2 n-grams all match; the hypothesis has 5 words of 6: e^(1 − 6/5).
    report = measure([TextPair("a b c d e", ("a b c d e f",))])
    assert report.metric(BLEU).score == pytest.approx(81.8730753)
    parts = dict(report.metric(BLEU).parts)
    assert (parts["4-gram precision"], parts["Brevity penalty"]) == ("100.0% (2 of 2)", "0.819")
    assert (parts["Words of the hypotheses"], parts["Words of the references"]) == ("5", "6")


@pytest.mark.parametrize(("hypothesis", "longest"), [("police kill the gunman", 0.75), ("the gunman kill police", 0.5)])
def test_lins_example_by_hand(hypothesis: str, longest: float) -> None:
    report = measure([TextPair(hypothesis, (GUNMAN,))])
    value = f"{longest:.3f}"
    assert report.metric(ROUGE_L).parts == (("Precision", value), ("Recall", value), ("F1", value))
    assert report.metric(ROUGE_L).score == pytest.approx(100 * longest)
    # Both have "the gunman" as their only bigram in common; only the order of the rest tells them apart.
    assert report.metric(ROUGE_2).score == pytest.approx(100 / 3)


def test_an_empty_hypothesis_scores_nothing_and_is_named() -> None:
    report = measure([TextPair("", ("a cat",)), TextPair("a cat", ("a cat",))])
    assert report.rows[0].scores == (0.0,) * len(METRICS)
    assert report.rows[0].ngrams.runs() == report.rows[0].common.runs() == ()
    assert report.notes == ("1 of 2 hypotheses are empty and score 0.",)
    assert report.metric(ROUGE_1).score == pytest.approx(50)


def test_letters_that_rouge_does_not_know_are_named() -> None:
    (note,) = measure([TextPair("été", ("été",))]).notes
    assert "67% of the letters" in note
    assert measure([TextPair("ete", ("ete",))]).notes == ()


def test_a_tokenizer_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match=r"no tokenizer “mecab” here\. There are 13a, intl"):
        measure([TextPair("a", ("a",))], MetricSettings("mecab"))


def test_a_pair_too_long_for_rouge_l_is_refused_before_it_is_measured() -> None:
    long = "a " * (int(MOST_CELLS**0.5) + 1)
    with pytest.raises(UserError, match="Line 7 has 2,001 words against 2,001"):
        measure([TextPair(long, (long,), 7)])


def test_each_step_is_a_pair() -> None:
    pairs = [TextPair("a", ("a",))] * 3
    assert list(measure_steps(pairs)) == [MetricsProgress(done, 3) for done in range(3)]
    steps = measure_lines(MetricsRequest("a b\nc", "a b\tb a\nd", MetricSettings(lowercase=True)))
    report = None
    while report is None:
        try:
            next(steps)
        except StopIteration as stop:
            report = stop.value
    assert report.settings.lowercase
    assert "nrefs:var" in report.metric(BLEU).signature


def test_the_packages_wait_until_something_is_measured() -> None:
    use = "from app.engine.metrics import measure, pairs_from_lines, TextPair; import sys; "
    loaded = "print(*[name for name in ('sacrebleu', 'rouge_score', 'nltk', 'torch') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", use + loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
