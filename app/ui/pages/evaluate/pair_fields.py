"""Where hypotheses and references are written or opened, and the choices that the numbers depend on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.engine.errors import UserError
from app.engine.metrics.records import TOKENIZERS, MetricSettings, MetricsRequest
from app.session.text_shelf import letters_of
from app.ui.pages.evaluate.lined_edit import LinedEdit
from app.ui.pages.evaluate.metrics_words import TOKENIZER_LABELS, TOKENIZER_TIP
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label

EXAMPLE = (
    "The ferry left the harbour before the storm came.\nNobody in the village had heard of the new bridge.",
    "The ferry had left the harbour when the storm came. ||| The ferry sailed before the storm came.\n"
    "No one in the village had heard about the new bridge.",
)
"""Two hypotheses, the first with two references."""
BETWEEN = " ||| "
"""What is put between the references of one line."""
LARGEST = 8_000_000
"""Bytes of a file that a text field takes in a moment."""


class PairFields(QWidget):
    """`changed` whenever the request would be another; `problem(UserError)` when a file cannot be read."""

    changed = Signal()
    problem = Signal(object)
    noted = Signal(str)
    """How a file was read."""
    generate_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.hypotheses, self.references = LinedEdit(theme, "Hypotheses"), LinedEdit(theme, "References")
        self.hypotheses.setPlaceholderText("What was written, one text a line")
        self.references.setPlaceholderText("What it should have been, on the same line; several parted by |||")
        self.references.setToolTip(
            "Line by line beside the hypotheses. Several references of a line: parted by ||| or tabs"
        )
        self.open_hypotheses, self.open_references = QPushButton("Open file…"), QPushButton("Open files…")
        self.open_hypotheses.setToolTip("A text file with one hypothesis a line")
        self.open_references.setToolTip("A text file with the references line by line, or several such files at once")
        self.open_hypotheses.clicked.connect(self._ask_hypotheses)
        self.open_references.clicked.connect(self._ask_references)
        self.generate = QPushButton("Generate from file of inputs…")
        self.generate.setToolTip("Let the open model write the hypotheses: one for each line of a file")
        self.generate.clicked.connect(self.generate_wanted)
        self._counts: dict[LinedEdit, QLabel] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(self._heading(theme, "Hypotheses", self.hypotheses, self.open_hypotheses))
        layout.addWidget(self.hypotheses, 1)
        layout.addWidget(self.generate)
        layout.addSpacing(4)
        layout.addLayout(self._heading(theme, "References", self.references, self.open_references))
        layout.addWidget(self.references, 1)
        layout.addLayout(self._options(theme))
        for field in (self.hypotheses, self.references):
            field.setMinimumHeight(60)
            field.textChanged.connect(self._edited)
        self.set_texts(*EXAMPLE)

    def request(self) -> MetricsRequest:
        """What stands in the fields, with the choices made."""
        settings = MetricSettings(
            TOKENIZERS[self.tokenizer.currentIndex()],
            self.lowercase.isChecked(),
            self.stemmer.isChecked(),
            2 if self.words.isChecked() else 0,
        )
        return MetricsRequest(self.hypotheses.toPlainText(), self.references.toPlainText(), settings)

    def set_texts(self, hypotheses: str | None = None, references: str | None = None) -> None:
        """Put these into the fields; None leaves one as it is."""
        for field, text in ((self.hypotheses, hypotheses), (self.references, references)):
            if text is not None:
                field.setPlainText(text)

    def read_hypotheses(self, path: Path) -> None:
        """Fill the field from a file."""
        text = self._read(path)
        if text is not None:
            self.hypotheses.setPlainText(text)

    def read_references(self, paths: Sequence[Path]) -> None:
        """Fill the field from files: the lines of each go beside those of the others."""
        texts = [self._read(path) for path in paths]
        columns = [text.rstrip("\n").split("\n") for text in texts if text is not None]
        if not columns or len(columns) < len(paths):
            return
        counts = [len(column) for column in columns]
        if len(set(counts)) > 1:
            names = ", ".join(f"{path.name} {count:,}" for path, count in zip(paths, counts, strict=True))
            self.problem.emit(
                UserError(
                    f"The files differ in how many lines they have: {names}.", "Choose files that belong together."
                )
            )
            return
        self.references.setPlainText("\n".join(BETWEEN.join(line) for line in zip(*columns, strict=True)))

    def _heading(self, theme: Theme, name: str, field: LinedEdit, button: QPushButton) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(make_label(theme, name, 12, 600))
        self._counts[field] = make_label(theme, "", 12, role="caption")
        row.addWidget(self._counts[field])
        row.addStretch(1)
        row.addWidget(button)
        return row

    def _options(self, theme: Theme) -> QVBoxLayout:
        self.tokenizer = QComboBox()
        self.tokenizer.addItems([TOKENIZER_LABELS[name] for name in TOKENIZERS])
        self.tokenizer.setAccessibleName("Tokenizer of BLEU")
        self.tokenizer.setToolTip(TOKENIZER_TIP)
        self.tokenizer.setMinimumContentsLength(8)
        self.tokenizer.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.lowercase, self.stemmer, self.words = QCheckBox("Lower case"), QCheckBox("Stemmer"), QCheckBox("chrF++")
        self.lowercase.setToolTip("BLEU and chrF take capitals for small letters; ROUGE always does")
        self.stemmer.setToolTip("ROUGE takes English words of one stem for the same: “walked” and “walking”")
        self.words.setToolTip("chrF counts single words and pairs of words beside letters (Popović 2017)")
        first, second = QHBoxLayout(), QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(make_label(theme, "Tokenizer", 12, role="secondary"))
        first.addWidget(self.tokenizer, 1)
        self.tokenizer.currentIndexChanged.connect(self.changed)
        second.setSpacing(8)
        for box in (self.lowercase, self.stemmer, self.words):
            box.toggled.connect(self.changed)
            second.addWidget(box)
        second.addStretch(1)
        both = QVBoxLayout()
        both.setSpacing(4)
        both.addLayout(first)
        both.addLayout(second)
        return both

    @Slot()
    def _edited(self) -> None:
        for field, label in self._counts.items():
            lines = field.lines()
            label.setText(f"{lines:,} line{'' if lines == 1 else 's'}" if lines else "")
        self.changed.emit()

    @Slot()
    def _ask_hypotheses(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open hypotheses", "", "Text (*.txt *.tsv);;All files (*)")
        if path:
            self.read_hypotheses(Path(path))

    @Slot()
    def _ask_references(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Open references", "", "Text (*.txt *.tsv);;All files (*)")
        if paths:
            self.read_references([Path(path) for path in paths])

    def _read(self, path: Path) -> str | None:
        """The text of a file with its line ends as \\n, or None after saying why not."""
        try:
            if path.stat().st_size > LARGEST:
                raise UserError(
                    f"{path.name} is larger than {LARGEST // 1_000_000} MB.", "Measure a part of it at a time."
                )
            letters, guessed = letters_of(path)
        except OSError as error:
            self.problem.emit(UserError(f"{path.name} could not be read: {error.strerror}.", "Choose another file."))
        except UserError as error:
            self.problem.emit(error)
        else:
            if guessed:
                self.noted.emit(f"{guessed} If letters look wrong, save it as UTF-8 and open it again.")
            return letters.replace("\r\n", "\n").replace("\r", "\n")
        return None
