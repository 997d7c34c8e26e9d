"""The Evaluate page: models × texts, where the surprise lies, perplexity by hand, texts against references."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog

from app.engine.errors import UserError
from app.engine.evaluate.records import OBJECTIVE_WORDS, Plan, WorkedExample
from app.engine.metrics.records import MetricsReport, MetricsRequest
from app.engine.trace.records import Candidate
from app.session.measured import DONE
from app.session.session import Session
from app.session.text_shelf import TextShelf
from app.ui.pages.evaluate import explanations
from app.ui.pages.evaluate.adding import Adding, dropped_texts
from app.ui.pages.evaluate.layout import EvaluateLayout
from app.ui.pages.evaluate.results_words import cell_tip
from app.ui.theme import Theme
from app.ui.widgets.surprise_view import NOTHING_MEASURED

TABLE, BY_HAND, METRICS = range(3)
SENTENCE = "Once upon a time there was a little dog."


class EvaluatePage(EvaluateLayout):
    """Shows what the session measured; a cell that is chosen opens its text below."""

    def __init__(self, theme: Theme, session: Session, shelf: TextShelf) -> None:
        super().__init__(theme, session)
        self._evaluation, self._view = session.evaluation, session.evaluation_view
        self.shelf = shelf
        self.adding = Adding(session, shelf, self.results.model_menu, self.results.text_menu, self)
        self.setAcceptDrops(True)
        self.worked.set_sentence(SENTENCE)
        self._without: tuple[int, int] | None = None
        """The cell that was chosen, where it has no figures."""
        self._go_to: int | None = None
        """A byte to choose once its page has come."""
        self._connect_session()
        self._connect_panels()
        self._show_table()
        self._show_plan()

    def _connect_session(self) -> None:
        self._evaluation.table_changed.connect(self._show_table)
        self._evaluation.plan_changed.connect(self._show_plan)
        self._evaluation.running_changed.connect(self._show_state)
        self._evaluation.noted.connect(self._note)
        self._view.reading_changed.connect(self._show_reading)
        self._view.page_changed.connect(self._show_page)
        self._view.candidates_read.connect(self._candidates_read)
        self._view.worked.connect(self._worked)
        self._session.text_metrics.reported.connect(self._metrics_reported)
        self._session.text_metrics.ended.connect(self.metrics.show_idle)
        self._session.text_metrics.written.connect(self.metrics.set_hypotheses)
        self._session.model_changed.connect(self._show_state)
        self._session.model_changed.connect(self._other_weights)
        self._session.models.weights_changed.connect(self._other_weights)

    def _connect_panels(self) -> None:
        self.bar.view_chosen.connect(self.show_view)
        self.bar.plan_chosen.connect(self._plan_chosen)
        self.bar.start.clicked.connect(self.run)
        self.bar.cancel.clicked.connect(self._evaluation.cancel)
        self.results.samples_wanted.connect(self.adding.add_samples)
        self.results.cell_chosen.connect(self._cell_chosen)
        self.results.row_removed.connect(self._evaluation.remove_row)
        self.results.column_removed.connect(self._evaluation.remove_column)
        self.results.measure_wanted.connect(self._evaluation.measure)
        self.results.note_written.connect(self._evaluation.note)
        self.results.failed.connect(self._problem)
        self.results.saved.connect(self._saved)
        self.surprise.token_chosen.connect(self._view.read_candidates)
        self.surprise.beside_chosen.connect(self._beside_chosen)
        self.surprise.mode.changed.connect(self._colours_chosen)
        self.surprise.byte_wanted.connect(self._byte_wanted)
        self.surprise.inspect_wanted.connect(self._inspect)
        self.tell_exports()
        self.loss.byte_chosen.connect(self.surprise.go_to)
        self.worked.sentence_asked.connect(self._sentence_asked)
        self.metrics.measure_wanted.connect(self._metrics_wanted)
        self.metrics.generate_wanted.connect(self._write_hypotheses)
        self.metrics.problem.connect(self.show_error)
        self.metrics.fields.noted.connect(self._note)
        self.adding.problem.connect(self._problem)
        self.adding.noted.connect(self._note)
        self.adding.added.connect(self._added)
        self.results.grid.columns_wanted.connect(self.adding.ask_columns)
        self.results.grid.encoding_wanted.connect(self.adding.ask_encoding)
        self.shelf.failed.connect(self._shelf_failed)

    # What the person does

    @Slot(int)
    def show_view(self, index: int) -> None:
        """Bring the table, the worked example or the text metrics to the front."""
        self.views.setCurrentIndex(index)
        self.banner.clear(including_errors=True)
        self.bar.show_view(index)
        self.fit_table()
        self._show_state()
        if index == BY_HAND:
            self.worked.ask_once()
        self.explain()

    @Slot(object)
    def _plan_chosen(self, plan: Plan) -> None:
        if plan.window is not None and plan.stride is not None and plan.stride >= plan.window:
            self.show_error(
                UserError(
                    f"A stride of {plan.stride:,} leaves tokens out with a window of {plan.window:,}.",
                    f"Take at most {plan.window - 1:,}.",
                )
            )
            self._show_plan()
        elif plan.window == 1:
            self.show_error(UserError("A window of 1 token scores nothing.", "Take 2 or more."))
            self._show_plan()
        else:
            self._evaluation.set_plan(plan)

    @Slot(int, int)
    def _cell_chosen(self, row: int, column: int) -> None:
        cell = self._evaluation.table.cells[row][column]
        self._without = (row, column) if cell.figures is None else None
        if self._without is None:
            self._view.choose(row, column)
        else:
            self._view.leave()
            self._say_nothing()
        if cell.error:
            self.banner.show_message("warn", cell.error)

    @Slot(int)
    def _beside_chosen(self, row: int) -> None:
        self._view.compare_with(row if row >= 0 else None)

    @Slot()
    def _colours_chosen(self) -> None:
        self.explain()

    @Slot(int)
    def _byte_wanted(self, byte: int) -> None:
        self._go_to = byte
        self._view.turn_to(byte)

    @Slot(int, int)
    def _inspect(self, which: int, index: int) -> None:
        """The text up to the token, as the model saw it, on the Inspect page."""
        text, before = self._view.context_before(which, index), self._view.tokens_before(which, index)
        self._session.set_prompt(text, "")
        # What the token cost was said by the one before it.
        self._session.select(query=max(before - 1, 0))
        self.page_wanted.emit("inspect")

    @Slot(str)
    def _sentence_asked(self, sentence: str) -> None:
        if self._session.summary is None:
            return
        self.worked.show_busy()
        self._view.work(sentence)

    @Slot(object)
    def _metrics_wanted(self, request: MetricsRequest) -> None:
        self.metrics.show_busy()
        self._session.text_metrics.measure(request)

    @Slot()
    def _write_hypotheses(self) -> None:
        """Ask for a file of inputs, a line each; model A writes a hypothesis for every one."""
        path, _ = QFileDialog.getOpenFileName(self, "Inputs, one a line", "", "Text (*.txt);;Every file (*)")
        if path:
            self._session.text_metrics.write_for(path)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._dropped(event):
            event.acceptProposedAction()
        else:
            event.ignore()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = self._dropped(event)
        if paths:
            event.acceptProposedAction()
            self.adding.drop(paths)

    @staticmethod
    def _dropped(event: QDropEvent) -> list[str]:
        """Texts; a model's folder goes on to the window, which opens it."""
        return dropped_texts([url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()])

    # What is shown

    @Slot()
    def _show_table(self) -> None:
        table = self._evaluation.table
        self.results.show_table(table)
        self.fit_table()
        models, texts = len(table.rows), len(table.columns)
        self.bar.set_summary(
            f"{models} {'model' if models == 1 else 'models'}, {texts} {'text' if texts == 1 else 'texts'}"
        )
        self._show_state()

    @Slot()
    def _show_plan(self) -> None:
        self.bar.show_plan(self._evaluation.plan)

    @Slot()
    def _show_state(self) -> None:
        cells = [cell for line in self._evaluation.table.cells for cell in line]
        again = bool(cells) and all(cell.state == DONE for cell in cells)
        why = "" if cells else "Add a text first"
        self.bar.show_state(self._evaluation.running, again, bool(cells), why)
        if again and not self._evaluation.running and self.views.currentIndex() == TABLE:
            self.banner.clear()

    @Slot()
    def _show_reading(self) -> None:
        view, table = self._view, self._evaluation.table
        rivals = [(row, table.rows[row].name) for row in view.rivals() if row < len(table.rows)]
        beside = view.beside if view.beside is not None else -1
        self.surprise.show_reading(view.reading, view.page, rivals if view.reading is not None else (), beside)
        self.loss.show_reading(view.reading)
        self._say_nothing()
        if view.row is not None and view.column is not None:
            self.results.grid.choose(view.row, view.column)
        self.explain()

    def _say_nothing(self) -> None:
        """Why no text is shown: nothing is measured, nothing is chosen, or what is chosen has no figures."""
        table, chosen = self._evaluation.table, self._without
        words = NOTHING_MEASURED
        if chosen is not None and chosen[0] < len(table.rows) and chosen[1] < len(table.columns):
            words = "\n".join(cell_tip(table, *chosen))
        elif any(cell.figures is not None for line in table.cells for cell in line):
            words = "Choose a cell above to see its text."
        self.surprise.view.say_nothing(words)

    @Slot()
    def _show_page(self) -> None:
        self.surprise.show_page(self._view.page)
        byte, self._go_to = self._go_to, None
        if byte is not None and self._view.page is not None and byte > self._view.page.start:
            self.surprise.go_to(byte)

    @Slot(int, object)
    def _candidates_read(self, which: int, found: tuple[Candidate, ...]) -> None:
        chosen = self.surprise.chosen
        if chosen is not None and chosen[0] == which:
            self.surprise.show_candidates(found, self._view.token_at(which, chosen[1].index))
            if not self._view.is_open(which):
                self.surprise.say_not_open()

    @Slot(object, str, str)
    def _worked(self, example: WorkedExample, model: str, objective: str) -> None:
        self.worked.show_example(example, model, OBJECTIVE_WORDS[objective])

    @Slot()
    def _other_weights(self) -> None:
        """What was worked by hand is no longer the model's: ask again, at once where it is looked at."""
        self.worked.forget()
        if self.views.currentIndex() == BY_HAND:
            self.worked.ask_once()

    @Slot(object)
    def _metrics_reported(self, report: MetricsReport) -> None:
        self.banner.clear(including_errors=True)
        self.metrics.show_report(report)

    @Slot(str)
    def _note(self, words: str) -> None:
        self.banner.show_message("warn", words)

    @Slot(str)
    def _saved(self, words: str) -> None:
        self.banner.show_message("info", words)

    @Slot(str)
    def _problem(self, words: str) -> None:
        self.show_error(UserError(words))

    @Slot()
    def _added(self) -> None:
        self.banner.clear(including_errors=True)

    @Slot(object)
    def _shelf_failed(self, error: BaseException) -> None:
        self._session.failed.emit("evaluate", error)

    # What the window asks

    def show_error(self, error: UserError) -> None:
        if self.views.currentIndex() == BY_HAND:
            self.worked.show_problem(str(error))
        else:
            super().show_error(error)

    @Slot()
    def run(self) -> None:
        view = self.views.currentIndex()
        if view == METRICS:
            self.metrics.measure()
        elif view == BY_HAND:
            self.worked.ask()
        elif not self._evaluation.texts:
            self.show_error(UserError("There is no text to measure.", "Add one with “Text”, or use the samples."))
        else:
            cells = [cell for line in self._evaluation.table.cells for cell in line]
            if cells and all(cell.state == DONE for cell in cells):
                table = self._evaluation.table
                rows, columns = range(len(table.rows)), range(len(table.columns))
                self._evaluation.measure([(row, column) for row in rows for column in columns])
            else:
                self._evaluation.measure()

    def stop(self) -> None:
        if self._evaluation.running:
            self._evaluation.cancel()
        elif self._session.text_metrics.writing:
            self._session.text_metrics.cancel()
        else:
            self.surprise.view.set_selected_byte(None)

    def take_focus(self) -> None:
        if not self._session.library.entries:
            self._session.library.refresh(self._session.recent)
        if self.views.currentIndex() == TABLE:
            (self.results.grid if self._evaluation.table.cells else self.results.empty).setFocus()

    def explain(self) -> None:
        view = self.views.currentIndex()
        if view == BY_HAND:
            self.explained.emit(explanations.BY_HAND)
        elif view == METRICS:
            self.explained.emit(explanations.TEXT_METRICS)
        elif self._view.reading is not None:
            self.explained.emit(explanations.explain_cell(self._view.reading, self.surprise.mode.index() == 1))
        else:
            self.explained.emit(explanations.INTRODUCTION)
