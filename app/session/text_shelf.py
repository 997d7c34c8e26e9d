"""Files, folders and datasets that become texts of the table, looked at in the background before they are added."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from app.engine.errors import UserError
from app.engine.texts.records import FILE, HUB, PASTED, SourceFacts, TextSource
from app.jobs.board import Board
from app.session.models import FILES_LANE

if TYPE_CHECKING:
    from app.engine.texts.folder import FolderFile

SAMPLES = Path(__file__).resolve().parents[2] / "resources" / "texts"
HUB_LANE = "hub"
"""The network is waited for here, so that no file has to."""
_NAMED = 3
"""So many files that were left out are named, others counted."""
_USUAL = ("text", "content", "sentence", "story", "document")


@dataclass(frozen=True)
class Looked:
    """What a look at some files found."""

    texts: tuple[TextSource, ...]
    """Those that can be added as they are."""
    questions: tuple[tuple[str, str, SourceFacts], ...]
    """Tables (name, path and facts) of which a column has to be chosen."""
    guessed: tuple[str, ...]
    """Sentences about encodings that were guessed."""
    problems: tuple[str, ...]
    """Why the others cannot be read."""
    left_out: tuple[str, ...] = ()
    """Sentences about files of folders that are no texts."""


@dataclass(frozen=True)
class Asked:
    """A text of the table that was looked at again, for another choice."""

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

    def look_at_dataset(self, source: TextSource) -> None:
        """Look at a dataset of the hub."""
        job = self._board.start(HUB_LANE, f"Look at the dataset {source.name}", lambda: _dataset(source))
        job.finished.connect(self._looked)
        job.failed.connect(self.failed)

    def look_again(self, column: int, text: TextSource, what: str) -> None:
        """Look at a text of the table once more, to choose its columns or its encoding."""
        if text.kind == PASTED:
            self.failed.emit(UserError(f"{text.name} was pasted.", "Columns and encodings are chosen of files."))
            return
        if text.kind == HUB and what == "encoding":
            self.failed.emit(
                UserError(f"{text.name} is a dataset: its rows are letters already.", "Choose its columns.")
            )
            return
        lane = FILES_LANE if text.kind == FILE else HUB_LANE
        job = self._board.start(lane, "Look at text", lambda: _again(text), quiet=True)
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


def letters_of(path: Path) -> tuple[str, str]:
    """The letters of a file, and a sentence where its encoding was guessed, else ''. Raises UserError for what is no
    text."""
    from app.engine.texts.encoding import find_encoding, open_text

    encoding = find_encoding(path)
    with open_text(path, encoding.name) as file:
        letters = file.read()
    return letters, f"{path.name} is not UTF-8 and is read as {encoding.name}." if encoding.guessed else ""


def _look(paths: Sequence[str]) -> Generator[Any, None, Looked]:
    from app.engine.texts.folder import files_in
    from app.engine.texts.source import look

    texts: list[TextSource] = []
    questions: list[tuple[str, str, SourceFacts]] = []
    guessed, problems, left_out = [], [], []
    for path in paths:
        yield None
        try:
            if Path(path).is_dir():
                inside = files_in(path)
                found = [(file.name, str(file.path), file.facts) for file in inside if file.facts is not None]
                left_out += _left_out(Path(path), inside)
            else:
                facts = look(path)
                found = [(facts.name, path, facts)]
        except UserError as error:
            problems.append(str(error))
            continue
        for name, file, facts in found:
            column = chosen_column(facts)
            if column is None:
                questions.append((name, file, facts))
                continue
            guessed += _guess(facts)
            texts.append(TextSource(FILE, name, path=file, column=column))
    if (more := len(guessed) - _NAMED) > 0:
        guessed[_NAMED:] = [f"{more:,} more are not UTF-8 either."]
    return Looked(tuple(texts), tuple(questions), tuple(guessed), tuple(problems), tuple(left_out))


def _guess(facts: SourceFacts) -> list[str]:
    """A sentence where the encoding may be another."""
    if not facts.guessed:
        return []
    others = ", ".join(facts.encodings[:3])
    choice = f" It could also be {others}: right-click the text to choose." if others else ""
    return [f"{facts.name} is not UTF-8 and is read as {facts.encoding}.{choice}"]


def _left_out(folder: Path, inside: Sequence[FolderFile]) -> list[str]:
    """A sentence about what a folder has that is not taken: files that are no texts, folders beside the texts."""
    from app.engine.texts.folder import folders_passed_over

    parts = (
        ([file.name for file in inside if file.facts is None], "no text"),
        (folders_passed_over(folder, inside), "not looked into"),
    )
    told = [f"{_some(names)} ({why})" for names, why in parts if names]
    return [f"Left out of {folder.name}: {'; '.join(told)}."] if told else []


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _again(text: TextSource) -> Generator[Any, None, SourceFacts]:
    from app.engine.texts.hub import look_at_dataset
    from app.engine.texts.source import look

    yield None
    if text.kind == HUB:
        return look_at_dataset(text.path, text.config, text.split)
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
