"""Files, folders and datasets that become texts of the table, looked at in the background before they are added."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from app.engine.errors import UserError
from app.engine.texts.records import FILE, HUB, SourceFacts, TextSource
from app.jobs.board import Board
from app.session.models import FILES_LANE

SAMPLES = Path(__file__).resolve().parents[2] / "resources" / "texts"
_USUAL = ("text", "content", "sentence", "story", "document")


@dataclass(frozen=True)
class Looked:
    """What a look at some files found."""

    texts: tuple[TextSource, ...]
    """Those that can be added as they are."""
    questions: tuple[tuple[str, SourceFacts], ...]
    """Tables (path and facts) of which a column has to be chosen."""
    guessed: tuple[str, ...]
    """Sentences about encodings that were guessed."""
    problems: tuple[str, ...]
    """Why the others cannot be read."""


@dataclass(frozen=True)
class Asked:
    """A file of the table that was looked at again, for another choice."""

    text: TextSource
    what: str
    """"columns" or "encoding"."""
    facts: SourceFacts


class TextShelf(QObject):
    """Looks at files; every answer comes by a signal."""

    looked = Signal(object)
    """A Looked."""
    read_again = Signal(int, object)
    """A column of the table, and an Asked."""
    failed = Signal(object)

    def __init__(self, board: Board) -> None:
        super().__init__()
        self._board = board

    def look_at(self, paths: Sequence[str]) -> None:
        """Look at files and folders that were chosen or dropped."""
        job = self._board.start(FILES_LANE, "Look at texts", lambda: _look(paths))
        job.finished.connect(self._looked)
        job.failed.connect(self.failed)

    def look_at_dataset(self, ref: str, config: str, split: str, column: str, limit: int | None) -> None:
        """Look at a dataset of the hub."""
        source = TextSource(HUB, ref, path=ref, config=config, split=split, column=column, limit=limit)
        job = self._board.start("hub", f"Look at the dataset {ref}", lambda: _dataset(source))
        job.finished.connect(self._looked)
        job.failed.connect(self.failed)

    def look_again(self, column: int, text: TextSource, what: str) -> None:
        """Look at a file of the table once more, to choose its columns or its encoding."""
        if text.kind != FILE:
            self.failed.emit(UserError(f"{text.name} is no file.", "Columns and encodings are chosen of files."))
            return
        job = self._board.start(FILES_LANE, "Look at text", lambda: _again(text), quiet=True)
        job.finished.connect(lambda facts: self.read_again.emit(column, Asked(text, what, facts)))
        job.failed.connect(self.failed)

    @Slot(object)
    def _looked(self, found: Looked) -> None:
        self.looked.emit(found)


def samples() -> tuple[TextSource, ...]:
    """The short texts that come with the program, each of another kind."""
    order = ("bedtime-story", "fairy-tale", "news-report", "python-code", "class-essay")
    return tuple(
        TextSource(FILE, name.replace("-", " ").capitalize(), path=str(SAMPLES / f"{name}.txt")) for name in order
    )


def _look(paths: Sequence[str]) -> Generator[Any, None, Looked]:
    from app.engine.texts.folder import texts_in
    from app.engine.texts.source import look

    texts: list[TextSource] = []
    questions: list[tuple[str, SourceFacts]] = []
    guessed: list[str] = []
    problems: list[str] = []
    for path in paths:
        yield None
        try:
            if Path(path).is_dir():
                texts += texts_in(path)
                continue
            facts = look(path)
        except UserError as error:
            problems.append(str(error))
            continue
        column = chosen_column(facts)
        if facts.columns and column is None:
            questions.append((path, facts))
            continue
        if facts.guessed:
            others = ", ".join(facts.encodings[:3])
            guessed.append(
                f"{facts.name} is not UTF-8 and is read as {facts.encoding}."
                + (f" It could also be {others}: right-click the text to choose." if others else "")
            )
        texts.append(TextSource(FILE, facts.name, path=path, column=column or ""))
    return Looked(tuple(texts), tuple(questions), tuple(guessed), tuple(problems))


def _again(text: TextSource) -> Generator[Any, None, SourceFacts]:
    from app.engine.texts.source import look

    yield None
    return look(text.path, text.encoding)


def _dataset(source: TextSource) -> Generator[Any, None, Looked]:
    from app.engine.texts.source import records

    yield None
    # The first row says whether dataset, configuration, split and column are there.
    next(iter(records(source)))
    return Looked((source,), (), (), ())


def chosen_column(facts: SourceFacts) -> str | None:
    """The column that is taken without a question: the only one, or one of the usual name; None to ask."""
    if not facts.columns:
        return ""
    if len(facts.columns) == 1:
        return facts.columns[0]
    usual = [name for name in _USUAL if name in facts.columns]
    return usual[0] if usual else None
