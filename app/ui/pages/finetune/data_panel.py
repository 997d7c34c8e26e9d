"""The examples: which file, what is wrong with it, how its records become what the model reads and learns."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.engine.errors import UserError
from app.engine.finetune.records import DataPreview, PreviewToken
from app.engine.finetune.settings import FinetuneSettings, knobs
from app.ui.icons import icon
from app.ui.pages.finetune.data_words import (
    CHECK,
    SKIPPED,
    USABLE,
    counted,
    distinct,
    problem_words,
    rows_of,
    shape_words,
    tags,
    tokens_words,
)
from app.ui.pages.finetune.example_view import ExampleView
from app.ui.pages.finetune.record_table import RecordTable
from app.ui.pages.finetune.setting_fields import NumberField
from app.ui.theme import Theme
from app.ui.widgets.empty_state import EmptyState
from app.ui.widgets.flow_row import FlowRow
from app.ui.widgets.labels import make_label, make_rule
from app.ui.widgets.panel import Panel
from app.ui.widgets.tag_button import TagButton

CHOOSE_FILE = "Choose a file…"
_SENTENCE = "A model is taught by examples: a file of texts, of prompts with answers, or of chats."
_TONES = {USABLE: "ok", CHECK: "warn", SKIPPED: "error"}
_TIPS = {
    USABLE: "Records that become examples",
    CHECK: "Records that are used, but are cut or stand there twice",
    SKIPPED: "Records that are left out",
}
_WAITING = "Choose a record above to see it as tokens."


class DataPanel(Panel):
    """Empty until `show_preview`. After it, and after a click or a key in the table, `row_chosen` names the record
    whose tokens are wanted, for which `show_tokens` is the answer."""

    row_chosen = Signal(str)
    shape_chosen = Signal(object)
    """A Shape."""
    held_out_changed = Signal(float)
    """A share 0..1."""
    sample_chosen = Signal(str)
    """The key of a bundled set."""
    file_wanted = Signal()
    refused = Signal(object)
    """A UserError: what was typed cannot be used."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Data")
        self._preview: DataPreview | None = None
        self._samples: dict[str, str] = {}
        self._shown = ""
        self.source = QPushButton("Choose")
        self.source_menu = QMenu(self)
        self.source.setMenu(self.source_menu)
        self.source.setToolTip("Open a file, a dataset of the hub or a bundled set of examples")
        self.add_header_widget(self.source)
        self.empty = EmptyState(theme, "", _SENTENCE)
        self.empty.chosen.connect(self._empty_chosen)
        self.tags = {name: TagButton(theme, tone) for name, tone in _TONES.items()}
        for tag in self.tags.values():
            tag.clicked.connect(self._tag_clicked)
        self.count = make_label(theme, "", 12, role="secondary")
        self.shapes = QComboBox()
        self.shapes.setAccessibleName("How the records are read")
        self.shapes.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.shapes.setMinimumContentsLength(8)
        self.shapes.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.shapes.activated.connect(self._shape_activated)
        self.template = make_label(theme, "", 11.5, role="caption")
        self.template.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.table = RecordTable(theme)
        self.table.chosen.connect(self._row_chosen)
        self.example = ExampleView(theme)
        start = FinetuneSettings()
        self.held_out = NumberField(theme, knobs()["held_out"], start.held_out, percent=True)
        self.held_out.changed.connect(self._held_out_typed)
        self.held_out.refused.connect(self._not_fitting)
        self.held_out_count = make_label(theme, "", 12.5, role="caption")
        self._build(theme)
        self.set_samples([])
        theme.changed.connect(self._restyle)
        self._restyle()
        self.show_preview(None)

    def _build(self, theme: Theme) -> None:
        data = QWidget()
        data.setProperty("role", "page")
        column = QVBoxLayout(data)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        row = FlowRow(gap=0, row_gap=0)
        for tag in self.tags.values():
            row.add(tag)
        head = QHBoxLayout()
        head.setContentsMargins(8, 3, 10, 3)
        head.setSpacing(2)
        head.addWidget(row, 1)
        head.addWidget(self.count, 0, Qt.AlignmentFlag.AlignTop)
        self.count.setMinimumHeight(24)
        self._reading = QWidget()
        reading = QHBoxLayout(self._reading)
        reading.setContentsMargins(12, 0, 12, 6)
        reading.setSpacing(8)
        reading.addWidget(make_label(theme, "Read as", 12.5))
        reading.addWidget(self.shapes, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(7, 3, 12, 1)
        foot.setSpacing(4)
        foot.addWidget(self.held_out)
        foot.addWidget(self.held_out_count)
        foot.addStretch(1)
        # What it switches stands right under it.
        foot.addWidget(self.example.views)
        below = QVBoxLayout()
        below.setContentsMargins(12, 0, 12, 4)
        below.setSpacing(2)
        below.addWidget(self.template)
        below.addWidget(self.example, 1)
        column.addLayout(head)
        column.addWidget(self._reading)
        column.addWidget(make_rule())
        column.addWidget(self.table, 20)
        column.addWidget(make_rule())
        column.addLayout(foot)
        column.addLayout(below, 1)
        self.pages = QStackedWidget()
        self.empty.setProperty("role", "page")
        for page in (self.empty, data):
            scroll = QScrollArea()
            scroll.setWidgetResizable(True)
            scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            scroll.setWidget(page)
            self.pages.addWidget(scroll)
        self.body_layout.setContentsMargins(0, 0, 0, 0)
        self.body_layout.addWidget(self.pages)

    def set_samples(self, samples: Sequence[tuple[str, str]]) -> None:
        """Offer bundled sets where there is no file yet: (key, words)."""
        self._samples = {words: key for key, words in samples}
        self.empty.set_examples([*self._samples, CHOOSE_FILE])

    def set_held_out(self, share: float) -> None:
        """Show which share is held out; emits nothing."""
        self.held_out.set_value(share)

    def show_preview(self, preview: DataPreview | None, why: str = "") -> None:
        """Show a file that was read, or that there is none, and `why` if one that there was is none any more. The
        record that was chosen stays so if it is there."""
        self._preview = preview
        self._shown = ""
        self._set_busy(False)
        self.pages.setCurrentIndex(0 if preview is None else 1)
        self.source.setText("Choose" if preview is None else "Replace")
        self.set_subtitle("" if preview is None else preview.name)
        self.empty.set_text("", why or _SENTENCE)
        if preview is None:
            self.table.show_rows(())
            return
        self._show_counts(preview)
        self._show_shapes(preview)
        self.example.show_lengths(preview.lengths, preview.longest)
        self.table.show_rows(preview.rows)
        self.example.show_tokens((), _WAITING)
        self.table.choose_first()

    def show_tokens(self, tokens: Sequence[PreviewToken]) -> None:
        """Show the chosen example after the template; without tokens it says why there are none."""
        row = self.table.row()
        problem = None if row is None else row.problem
        words = _WAITING if problem is None else f"{problem.place}: {problem_words(problem)}."
        self.example.show_tokens(tokens, words[:1].upper() + words[1:])

    def show_busy(self, words: str) -> None:
        """Say what is being done ("Reading tales.jsonl…") until the next preview; what stood there stays to be seen."""
        self.set_subtitle(words)
        self._set_busy(True)
        if self._preview is None:
            self.empty.set_text("", words)

    def _set_busy(self, busy: bool) -> None:
        self.source.setEnabled(not busy)
        self.shapes.setEnabled(not busy and self.shapes.count() > 1)
        for button in self.empty.buttons():
            button.setEnabled(not busy)

    def _show_counts(self, preview: DataPreview) -> None:
        for name, number in tags(preview).items():
            tag = self.tags[name]
            tag.setChecked(False)
            always = name == USABLE
            tip = f"{_TIPS[name]}. Press to show only these, once more for all."
            tag.say(f"{number:,} {name}" if number or always else "", tip)
        self.count.setText(tokens_words(preview.tokens))
        share = preview.trained / max(preview.tokens, 1)
        learnt = f"{preview.tokens:,} tokens, {preview.trained:,} of them ({share:.0%}) learnt from"
        self.count.setToolTip(f"{learnt}; read as {shape_words(preview.shape)}")
        self.held_out_count.setText(counted(preview.held_out, "text"))
        self.held_out_count.setToolTip(f"{preview.held_out:,} of {preview.usable:,} examples are never learnt from")

    def _show_shapes(self, preview: DataPreview) -> None:
        self.shapes.clear()
        for shape in distinct((preview.shape, *preview.shapes)):
            self.shapes.addItem(shape_words(shape), shape)
        several = self.shapes.count() > 1
        self.shapes.setEnabled(several)
        # One way is no choice; it is told where the tokens are counted.
        self._reading.setVisible(several)
        more = "" if several else "; the columns allow no other way"
        self.shapes.setToolTip(f"How a record becomes an example: {self.shapes.itemText(0)}{more}")
        first, _, rest = preview.template.strip().partition("\n")
        self.template.setText(f"Template: {first}{'…' if rest else ''}")
        self.template.setToolTip(preview.template)
        self.template.setVisible(bool(first))

    @Slot()
    def _tag_clicked(self) -> None:
        pressed = self.sender()
        self._shown = next((name for name, tag in self.tags.items() if tag is pressed and tag.isChecked()), "")
        for name, tag in self.tags.items():
            tag.setChecked(name == self._shown)
        if self._preview is None:
            return
        before = self.table.place()
        self.table.show_rows(rows_of(self._preview, self._shown))
        if self.table.place() != before:
            self.table.choose_first()

    @Slot(str)
    def _row_chosen(self, place: str) -> None:
        self.example.show_tokens((), "")
        self.row_chosen.emit(place)

    @Slot(int)
    def _shape_activated(self, index: int) -> None:
        shape = self.shapes.itemData(index)
        if self._preview is not None and shape != self._preview.shape:
            self.shape_chosen.emit(shape)

    @Slot(object)
    def _held_out_typed(self, share: float) -> None:
        self.held_out_changed.emit(share)

    @Slot(str)
    def _not_fitting(self, words: str) -> None:
        self.refused.emit(UserError(words))

    @Slot(str)
    def _empty_chosen(self, words: str) -> None:
        if words == CHOOSE_FILE:
            self.file_wanted.emit()
        else:
            self.sample_chosen.emit(self._samples[words])

    @Slot()
    def _restyle(self) -> None:
        self.source.setIcon(icon(self._theme, "folder"))
