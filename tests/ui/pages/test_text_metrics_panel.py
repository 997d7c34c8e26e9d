"""The panel of texts against references: fields, options, files, and a report of the real engine on screen."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox

from app.engine.errors import UserError
from app.engine.metrics import measure_lines
from app.engine.metrics.records import METRICS, ROUGE_L, MetricSettings, MetricsReport, MetricsRequest
from app.ui.pages.evaluate.metrics_words import SHOWN
from app.ui.pages.evaluate.pair_fields import EXAMPLE, LARGEST
from app.ui.pages.evaluate.pair_table import COLUMNS
from app.ui.pages.evaluate.text_metrics_panel import TextMetricsPanel
from app.ui.theme import Theme

GUNMAN = MetricsRequest(
    "the gunman kill police\npolice kill the gunman", "police killed the gunman\npolice killed the gunman"
)
"""The example of Lin 2004; the second line is the better one by ROUGE-L."""


@pytest.fixture
def panel(qtbot, theme: Theme) -> TextMetricsPanel:
    panel = TextMetricsPanel(theme)
    qtbot.addWidget(panel)
    panel.resize(1000, 560)
    panel.show()
    return panel


def report_of(request: MetricsRequest) -> MetricsReport:
    steps = measure_lines(request)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def click(widget) -> None:
    # A check box that is stretched is pressed at its own left end.
    place = QPoint(10, widget.height() // 2) if isinstance(widget, QCheckBox) else widget.rect().center()
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=place)


def asked(panel: TextMetricsPanel) -> list[MetricsRequest]:
    requests: list[MetricsRequest] = []
    panel.measure_wanted.connect(requests.append)
    return requests


def shown(panel: TextMetricsPanel, request: MetricsRequest) -> MetricsReport:
    """Put the request into the fields and answer it."""
    panel.fields.set_texts(request.hypotheses, request.references)
    panel.measure()
    report = report_of(request)
    panel.show_report(report)
    return report


def heading(panel: TextMetricsPanel, column: int) -> QPoint:
    header = panel.results.table.horizontalHeader()
    return QPoint(header.sectionViewportPosition(column) + header.sectionSize(column) // 2, header.height() // 2)


def click_heading(panel: TextMetricsPanel, name: str) -> None:
    header = panel.results.table.horizontalHeader()
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=heading(panel, COLUMNS.index(name)))


def test_what_is_typed_and_chosen_is_asked(panel: TextMetricsPanel) -> None:
    requests = asked(panel)
    for field, text in ((panel.fields.hypotheses, "a cat"), (panel.fields.references, "a cat ||| the cat")):
        QTest.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClicks(field, text)
    for box in (panel.fields.lowercase, panel.fields.stemmer, panel.fields.words):
        click(box)
    QTest.keyClick(panel.fields.tokenizer, Qt.Key.Key_Down)
    click(panel.start)
    assert requests == [MetricsRequest("a cat", "a cat ||| the cat", MetricSettings("intl", True, True, 2))]
    assert report_of(requests[0]).rows[0].pair.references == ("a cat", "the cat")


def test_the_example_can_be_measured_at_once(panel: TextMetricsPanel) -> None:
    requests = asked(panel)
    assert panel.empty.isVisible() and not panel.copy.isEnabled()
    click(panel.start)
    assert requests == [MetricsRequest(*EXAMPLE)]
    panel.show_busy(1, 2)
    assert (panel.start.isEnabled(), panel.start.text(), panel.subtitle()) == (False, "Measuring…", "1 of 2 pairs")
    click(panel.start)
    assert len(requests) == 1
    panel.show_report(report_of(requests[0]))
    assert panel.results.isVisible() and panel.copy.isEnabled() and panel.start.isEnabled()
    assert panel.subtitle() == "2 pairs"


def test_a_failure_leaves_what_stood_before(panel: TextMetricsPanel) -> None:
    shown(panel, GUNMAN)
    panel.show_busy()
    panel.show_idle()
    assert panel.start.text() == "Measure" and panel.start.isEnabled()
    assert panel.results.readouts[ROUGE_L].value.text() == "62.5"


def test_a_report_says_when_the_texts_are_others(panel: TextMetricsPanel) -> None:
    shown(panel, GUNMAN)
    QTest.keyClicks(panel.fields.hypotheses, "x")
    assert panel.subtitle() == "changed since it was measured"
    QTest.keyClick(panel.fields.hypotheses, Qt.Key.Key_Backspace)
    assert panel.subtitle() == "2 pairs"


def test_scores_signatures_and_pairs_are_the_engines(panel: TextMetricsPanel) -> None:
    report = shown(panel, GUNMAN)
    results = panel.results
    for name in SHOWN:
        assert results.readouts[name].value.text() == f"{report.metric(name).score:.1f}"
    assert "F1: 0.625" in results.readouts[ROUGE_L].toolTip()
    for name, label in results.signatures.items():
        assert label.text() == report.metric(name).signature
        assert label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
    cells = results.table.cells()
    assert [row[:2] for row in cells] == [["1", "the gunman kill police"], ["2", "police kill the gunman"]]
    assert [row[-1] for row in cells] == ["50.0", "75.0"]
    click(results.copy_signatures)
    copied = QGuiApplication.clipboard().text()
    assert all(report.metric(name).signature in copied for name in METRICS)


def test_a_heading_sorts_and_the_copies_follow(panel: TextMetricsPanel) -> None:
    shown(panel, GUNMAN)
    table = panel.results.table
    click_heading(panel, "R-L")
    assert [row[0] for row in table.cells()] == ["1", "2"]
    click_heading(panel, "R-L")
    assert [row[0] for row in table.cells()] == ["2", "1"]
    assert table.model().headerData(COLUMNS.index("R-L"), Qt.Orientation.Horizontal) == "R-L ↓"
    markdown, table_as_csv = panel.copy_menu.actions()
    markdown.trigger()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[2].startswith("| 2 | police kill the gunman | police killed the gunman |")
    assert lines[4].startswith("|  | **All** |") and lines[4].endswith("| **62.5** |")
    assert lines[-1] == "`rouge-score 0.1.2, stemmer off, mean over 2 pairs`"
    table_as_csv.trigger()
    rows = list(csv.reader(io.StringIO(QGuiApplication.clipboard().text())))
    assert rows[0] == ["line", "hypothesis", "reference", *METRICS]
    assert [row[0] for row in rows[1:]] == ["2", "1"]


def test_the_chosen_pair_shows_what_matched(panel: TextMetricsPanel) -> None:
    report = shown(panel, GUNMAN)
    table, matches = panel.results.table, panel.results.matches
    QTest.keyClick(table, Qt.Key.Key_Down)
    ours, theirs = matches.texts()
    assert (ours.heading, ours.text, ours.runs) == (
        "Hypothesis",
        GUNMAN.hypotheses.split("\n")[1],
        report.rows[1].ngrams.runs(),
    )
    assert (theirs.heading, [theirs.text[run.start : run.stop] for run in theirs.runs]) == (
        "Reference",
        ["police", "the gunman"],
    )
    assert [order for order, _ in matches.match_rects()] == [1, 2, 1, 2]
    assert "the gunman (2 words in a row)" in matches.accessibleDescription()
    click(panel.results.views.button(1))
    ours, theirs = matches.texts()
    assert [[text.text[run.start : run.stop] for run in text.runs] for text in (ours, theirs)] == [
        ["police", "the", "gunman"]
    ] * 2
    assert not panel.results.legend.isVisible()


def test_matches_are_coloured_and_underlined_where_their_words_stand(theme: Theme, panel: TextMetricsPanel) -> None:
    # The emoji counts twice in Qt: what comes after it must not slip.
    shown(panel, MetricsRequest("\U0001f642 one two three\tnot four", "\U0001f642 ? one two three four"))
    matches = panel.results.matches
    (_, smile), (order, words), (_, last), *_ = matches.match_rects()
    assert order == 3 and smile.right() < words.left() < words.right() < last.left()
    image = matches.viewport().grab().toImage()
    ink = theme.chip_underline()
    column = [
        image.pixelColor(round(words.center().x()), y) for y in range(round(words.top()), round(words.bottom()) + 1)
    ]
    near = [abs(pixel.lightness() - ink.lightness()) < 60 for pixel in column[round(words.height() * 0.6) :]]
    strokes = sum(here and not before for before, here in zip([False, *near], near, strict=False))
    assert strokes == 3
    assert matches.words_at(words.center()) == "Found on the other side: 3 words in a row"
    assert matches.words_at(QPointF(words.right() + 12, words.center().y())) == ""


def test_several_references_name_the_one_that_counts(panel: TextMetricsPanel) -> None:
    shown(panel, MetricsRequest("a b c d e", "a x y z ||| a b c d f"))
    headings = [text.heading for text in panel.results.matches.texts()]
    assert headings == ["Hypothesis", "Reference 1", "Reference 2, highest BLEU"]
    click(panel.results.views.button(1))
    _, first, second = panel.results.matches.texts()
    assert (first.runs, second.heading) == ((), "Reference 2, highest ROUGE-L")


def test_notes_and_empty_hypotheses_are_shown(panel: TextMetricsPanel) -> None:
    shown(panel, MetricsRequest("\nété", "a\nété"))
    assert panel.results.note.isVisible()
    assert "1 of 2 hypotheses are empty" in panel.results.note.text()
    assert panel.results.table.cells()[0][1] == "(empty)"
    shown(panel, GUNMAN)
    assert not panel.results.note.isVisible()


def test_files_fill_the_fields(panel: TextMetricsPanel, tmp_path: Path) -> None:
    first, second, short = (tmp_path / name for name in ("ref0.txt", "ref1.txt", "short.txt"))
    first.write_bytes("\ufeffone\r\ntwo\r\n".encode())
    second.write_text("eins\nzwei\n", encoding="utf-8")
    short.write_text("un\n", encoding="utf-8")
    problems: list[UserError] = []
    panel.problem.connect(problems.append)
    panel.fields.read_hypotheses(first)
    panel.fields.read_references([first, second])
    assert panel.fields.hypotheses.toPlainText() == "one\ntwo\n"
    assert panel.fields.references.toPlainText() == "one ||| eins\ntwo ||| zwei"
    assert problems == []
    panel.fields.read_references([first, short])
    assert problems[-1].fact == "The files differ in how many lines they have: ref0.txt 2, short.txt 1."
    short.write_bytes(b"\xff\xfe\x00")
    panel.fields.read_hypotheses(short)
    assert "is no letter in utf-16" in problems[-1].fact
    noted: list[str] = []
    panel.fields.noted.connect(noted.append)
    latin = "Le garçon a mangé une crêpe à Zürich."
    short.write_bytes((latin + "\r\n").encode("cp1252"))
    panel.fields.read_hypotheses(short)
    assert panel.fields.hypotheses.toPlainText() == latin + "\n"
    assert noted[-1].startswith("short.txt is not UTF-8 and is read as ")
    panel.fields.read_hypotheses(tmp_path / "gone.txt")
    assert "gone.txt could not be read" in problems[-1].fact
    short.write_bytes(b"a" * (LARGEST + 1))
    panel.fields.read_references([short])
    assert "larger than 8 MB" in problems[-1].fact
    assert panel.fields.references.toPlainText() == "one ||| eins\ntwo ||| zwei"


def test_the_page_is_asked_for_hypotheses_and_gives_them(qtbot, panel: TextMetricsPanel) -> None:
    with qtbot.waitSignal(panel.generate_wanted):
        click(panel.fields.generate)
    panel.set_hypotheses("written by the model")
    assert panel.fields.request() == MetricsRequest("written by the model", EXAMPLE[1])


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_in_a_small_panel_nothing_is_pushed_out(theme: Theme, panel: TextMetricsPanel, choice: str) -> None:
    theme.set_choice(choice)
    try:
        shown(panel, GUNMAN)
        assert panel.results.signatures["BLEU"].isVisible()
        panel.resize(700, 480)
        QTest.qWait(20)
        assert panel.size().toTuple() == (700, 480)
        assert not panel.results.signatures["BLEU"].isVisible()
        for widget in (panel.fields.words, panel.results.matches, panel.results.legend, panel.start):
            corner = widget.mapTo(panel, widget.rect().bottomRight())
            assert panel.rect().contains(corner), widget
            assert widget.width() >= widget.minimumSizeHint().width()
        click(panel.results.signed)
        assert panel.results.signatures["BLEU"].isVisible()
    finally:
        theme.set_choice("light")
