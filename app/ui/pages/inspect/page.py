"""The Inspect page: a prompt, the flow of the model, one picture of it large, all heads, the next token."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication

from app.engine.trace.records import CodeRead
from app.session.session import Session
from app.session.state import LENS_MAP, attention_name, block_of, kind_of, part_of, shows_attention, stack_of
from app.ui.actions import bound
from app.ui.pages.inspect import explanations
from app.ui.pages.inspect.answer_panel import FOLLOWS
from app.ui.pages.inspect.attention_panel import LINES, ONE_WEIGHT, SCORES
from app.ui.pages.inspect.kept_tensors import KeptTensors
from app.ui.pages.inspect.masking import masked_texts
from app.ui.pages.inspect.other_views import FOLLOWS_VIEW, refused
from app.ui.pages.inspect.readings import InspectReadings, of_source
from app.ui.theme import Theme


class InspectPage(InspectReadings):
    """Everything follows the session's selection; the page keeps only which of weights and scores is shown."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, session)
        self.kept = KeptTensors(session, self)
        self.prompt.submitted.connect(session.set_prompt)
        self.prompt.strip.clicked.connect(self._source_clicked)
        self.prompt.strip.hovered.connect(self._source_hovered)
        self.prompt.target_strip.clicked.connect(self._target_clicked)
        self.prompt.target_strip.hovered.connect(self._target_hovered)
        self.empty.chosen.connect(session.open_example)
        self.flow.stage_chosen.connect(self._stage_chosen)
        self.flow.block_chosen.connect(self._stack_block_chosen)
        self.flow.end_chosen.connect(self._end_chosen)
        self.flow.absent_chosen.connect(self._absent_chosen)
        self.attention.mode_chosen.connect(self._mode_chosen)
        self.attention.kind_chosen.connect(self._kind_chosen)
        self.attention.weighting_chosen.connect(self._weighting_chosen)
        inspection = session.inspection
        inspection.not_read.connect(self._not_read)
        self.attention.cell_chosen.connect(self._cell_clicked)
        self.attention.cell_hovered.connect(self._cell_hovered)
        for picture in (self.attention.heatmap, self.tensor.view):
            picture.code_wanted.connect(session.copy_code)
            picture.failed.connect(self._say)
            picture.done.connect(self.noted)
            picture.more_entries = self.kept.add_to
        self.kept.said.connect(self.noted)
        session.inspection.tensors_saved.connect(self._tell)
        self.tensor.view.clicked.connect(self._tensor_clicked)
        self.lens_map.view.clicked.connect(self._lens_clicked)
        self.lens_map.view.failed.connect(self._say)
        self.lens_map.view.done.connect(self.noted)
        for export in (
            self.attention.lines.export,
            self.attention.steps_export,
            self.histogram.export,
            self.lens.export,
            self.next_token.written.export,
            self.bars.export,
            self.grid.export,
        ):
            export.failed.connect(self._say)
            export.done.connect(self.noted)
        for copied in (self.facts, self.prompt.strip, self.prompt.target_strip):
            copied.done.connect(self.noted)
        session.inspection.code_read.connect(self._code_read)
        self.attention.lines.query_hovered.connect(self._underline)
        self.next_token.answers.changed.connect(self._answer_turned)
        self.next_token.every_wanted.connect(bound(self._stage_chosen, LENS_MAP))
        self.next_token.mask_wanted.connect(self._mask)
        self.banner.action_triggered.connect(self._cut)
        self.attention.steps.key_chosen.connect(self._key_chosen)
        self.tensor.name_chosen.connect(self._stage_chosen)
        self.heads.chosen.connect(self._head_chosen)
        self.bars.clicked.connect(self._bar_clicked)

    # What the person does

    @Slot(str)
    def _stage_chosen(self, name: str) -> None:
        self._folded = False
        self._look_above()
        if shows_attention(name):
            self._instead = ""
        of_encoder = name == LENS_MAP and self._session.selection.kind == "encoder"
        self._session.select(name=name, **({"kind": "self"} if of_encoder else {}))
        self.explain()

    def _look_above(self) -> None:
        """The large picture was turned to: it is what is explained, no longer the panel below."""
        self._looks_at_answer = False

    @Slot(bool)
    def _end_chosen(self, first: bool) -> None:
        """Explain the tokens or the next token; both are on screen already."""
        self.flow_button.close_sheet()
        summary = self._session.summary
        if not first:
            self._bar_clicked(0)
        elif summary is not None:
            self.explained.emit(explanations.explain_tokens(summary, self._session.inspection.tokens))

    @Slot(int)
    def _block_chosen(self, block: int) -> None:
        if block == self._session.selection.layer:
            self._folded = not self._folded
            self._draw_flow()
            return
        self._folded = False
        selection, summary = self._session.selection, self._session.summary
        if summary is None:
            return
        part, stack = part_of(selection.name), stack_of(selection.name)
        kind = selection.kind if block_of(selection.name) is None else kind_of(selection.name)
        inside = block_of(selection.name) is not None
        name = f"{stack}blocks.{block}.{part}" if inside else attention_name(summary.kinds, kind, block)
        self._session.select(name=name)

    @Slot(str, int)
    def _stack_block_chosen(self, stack: str, block: int) -> None:
        """A block of one of two stacks: what is shown of the open block, where the other has it too."""
        selection = self._session.selection
        if stack_of(selection.name) == stack:
            self._block_chosen(block)
            return
        part = part_of(selection.name)
        wanted = f"{stack}blocks.{block}.{part}"
        known = self._session.inspection.infos
        self._folded = False
        self._session.select(name=wanted if wanted in known else f"{stack}blocks.{block}.attn.pattern")

    @Slot(int, int)
    def _head_chosen(self, layer: int, head: int) -> None:
        self._look_above()
        self._session.select(layer=layer, head=head)
        if self._tensor_shown is not None and self._session.selection.name == self._tensor_shown.name:
            self._tensor_read(self._tensor_shown)

    @Slot(str)
    def _say(self, words: str) -> None:
        self.banner.show_message("warn", words)

    @Slot(object)
    def _tell(self, words: str) -> None:
        self.noted.emit(words)

    @Slot(str, str)
    def _absent_chosen(self, title: str, why: str) -> None:
        """A row that this model lacks: say why."""
        self._look_above()
        self.explained.emit(refused(title, why))

    @Slot(object)
    def _code_read(self, code: CodeRead) -> None:
        """Put the Python on the clipboard, or say why there is none."""
        if code.why:
            self._say(code.why)
            return
        QGuiApplication.clipboard().setText(code.python)
        self.noted.emit(f"Python for {code.name} is on the clipboard.")

    @Slot(str)
    def _weighting_chosen(self, weighting: str) -> None:
        self._session.select(weighting=weighting)

    @Slot(str)
    def _not_read(self, why: str) -> None:
        """What was asked in the place of the weights does not exist here: say so, and show the weights again."""
        self.banner.show_message("info", why)
        self._session.select(weighting="raw")

    @Slot(str)
    def _kind_chosen(self, kind: str) -> None:
        self._folded = False
        self._session.select(kind=kind)

    @Slot()
    def _answer_turned(self) -> None:
        self._looks_at_answer = True
        self.explain()

    @Slot(str)
    def _mode_chosen(self, mode: str) -> None:
        self._look_above()
        self._instead = mode if mode in (LINES, ONE_WEIGHT) else ""
        session = self._session
        if session.summary is not None:
            selection = session.selection
            part = "scores" if mode == SCORES else "pattern"
            # Lines and the arithmetic of one weight end in weights: that is the row of the flow that they stand for.
            session.select(name=attention_name(session.summary.kinds, selection.kind, selection.layer, part))
        self._show_scores(mode == SCORES)
        if self._instead:
            self.explain()

    @Slot()
    def _mask(self) -> None:
        """Put the mask in the place of the chosen token."""
        session = self._session
        summary, query, tokens = session.summary, session.query, session.inspection.tokens
        if summary is None or query is None or tokens[query].special or not summary.mask_token:
            return
        texts = masked_texts(tokens, query, summary.mask_token)
        session.set_prompt(*texts)
        session.select(query=query, key=None)

    @Slot()
    def _cut(self) -> None:
        """Cut the text that was too long; only ever after a press of the button that offers it."""
        self.banner.clear(including_errors=True)
        self._session.cut_prompt()

    @Slot(int)
    def _bar_clicked(self, _row: int) -> None:
        """Explain the next token, or the classes, while their bars are looked at."""
        session = self._session
        if self.next_token.answers.index() == FOLLOWS:
            self.explained.emit(FOLLOWS_VIEW)
            return
        if self.next_token.classes:
            self.explained.emit(explanations.explain_classes(self.next_token.classes))
            return
        place = session.answer_at
        found = session.inspection.candidates.get(place) if place is not None else None
        if session.summary is not None and place is not None and found and self.bars.rows():
            tokens = session.inspection.targets or session.inspection.tokens
            self.explained.emit(explanations.explain_candidates(session.summary, tokens, place, found))

    @Slot(int)
    def _key_chosen(self, key: int) -> None:
        self._session.select(query=self._session.query, key=key)

    @Slot(int, int)
    def _cell_clicked(self, query: int, key: int) -> None:
        self._look_above()
        self._session.select(query=query, key=key)
        self.explain()

    @Slot(int, int)
    def _tensor_clicked(self, row: int, _column: int) -> None:
        """The row's token becomes the chosen one, where rows are tokens; its numbers stand in the statistics."""
        self._look_above()
        shown = self._tensor_shown
        if shown is not None and self.tensor.rows_are_tokens:
            source = of_source(shown.name)
            self._session.select(
                **({"query": self._session.query, "key": row} if source else {"query": row, "key": None})
            )
        self._row_chosen()
        self.explain()

    @Slot(int, int)
    def _lens_clicked(self, layer: int, position: int) -> None:
        self._look_above()
        self._session.select(layer=layer, query=position, key=None)
        self._mark_cell_of_lens()
        self.explain()

    @Slot(int, int)
    def _cell_hovered(self, query: int, _key: int) -> None:
        self._underline(query)

    @Slot(int)
    def _source_clicked(self, index: int) -> None:
        """A token of the text: in cross-attention it is the one looked at."""
        if self._session.selection.kind == "cross":
            self._session.select(query=self._session.query, key=index)
        else:
            self._session.select(**({"kind": "encoder"} if self._two_stacks() else {}), query=index, key=None)
        self.explain()

    @Slot(int)
    def _target_clicked(self, index: int) -> None:
        kind = self._session.selection.kind
        self._session.select(**({"kind": "self"} if kind == "encoder" else {}), query=index, key=None)
        self.explain()

    @Slot(int)
    def _source_hovered(self, index: int) -> None:
        if not self._two_stacks() or self._session.selection.kind == "encoder":
            self._underline(index)

    @Slot(int)
    def _target_hovered(self, index: int) -> None:
        if self._session.selection.kind != "encoder":
            self._underline(index)

    def step_head(self, step: int) -> None:
        """Another head of the same block, round and round."""
        summary = self._session.summary
        if summary is not None:
            selection = self._session.selection
            heads = summary.attention_shape(selection.kind)[1]
            self._head_chosen(selection.layer, (selection.head + step) % heads)

    def step_layer(self, step: int) -> None:
        """The block above or below, as far as there is one."""
        summary = self._session.summary
        if summary is not None:
            selection = self._session.selection
            layer = min(max(selection.layer + step, 0), summary.attention_shape(selection.kind)[0] - 1)
            self._head_chosen(layer, selection.head)

    # What the window asks

    def run(self) -> None:
        if self.prompt.editing:
            self.prompt.submit()
        else:
            self._session.reinspect()

    def stop(self) -> None:
        if self.prompt.editing and self._session.prompt:
            self.prompt.set_text(self._session.prompt, self._session.second)
        elif self._session.selection.query is not None or self._session.selection.key is not None:
            self._session.select(query=None, key=None)

    def take_focus(self) -> None:
        if self.prompt.editing:
            self.prompt.editor.setFocus()
        else:
            self.attention.heatmap.setFocus()
