"""A recorded session in a file: model, prompt, settings and seed, and the text that they wrote and will write again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal, Slot

from app.engine.errors import UserError
from app.session.kept_finetune import KeptFinetune
from app.session.saved import decode, encode, write
from app.session.session import Session


class Demo(QObject):
    """Saves what stands, and plays it: the same model writes the same text. `replayed(same, words)` when it has."""

    replayed = Signal(bool, str)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._expected = ""
        session.generation.state_changed.connect(self._state_changed)

    def save(self, path: Path) -> bool:
        """Write the session with the current text, its prompt, and the settings and the seed that wrote it.

        False when the text is left out, because one seed does not write it again: a branch, a text that went on, one
        whose settings moved meanwhile. Raises UserError when the file cannot be written.
        """
        saved, generation = self._session.saved(), self._session.generation
        again = generation.current.written_by()
        if again is not None and not generation.running:
            saved = replace(saved, prompt=generation.prompt_text, settings=again, written=generation.text)
        try:
            write(path, encode(replace(saved, recent=(), presets={}, texts={}, finetune=KeptFinetune())))
        except OSError as error:
            raise UserError(
                f"The file {path} could not be written: {error.strerror}.", "Choose another place."
            ) from error
        return bool(saved.written)

    def play(self, path: Path) -> None:
        """Open what a file holds; its text is written again as soon as the model is open. Raises UserError."""
        try:
            saved = decode(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"The session {path} could not be read: {error.strerror}.") from error
        except ValueError as error:
            raise UserError(f"The file {path} is no session of Unembed: {error}.") from error
        if "A" not in saved.models:
            raise UserError(f"The session {path} names no model.", "Save it again while a model is open.")
        session = self._session
        if session.models.in_training is not None:
            raise UserError("A model is being trained and stays open.", "Open the session when the run has ended.")
        session.restore(replace(saved, recent=session.recent, texts={}, finetune=session.finetuning.kept()))
        self._expected = saved.written
        if saved.written:
            session.model_changed.connect(session.generate_plainly, Qt.ConnectionType.SingleShotConnection)
        session.models.open(saved.models["A"])

    @Slot()
    def _state_changed(self) -> None:
        generation = self._session.generation
        if not self._expected or generation.running or not generation.steps:
            return
        expected, self._expected = self._expected, ""
        same = generation.text == expected
        words = "The text was written again exactly as recorded."
        if not same:
            place = next((at for at, (a, b) in enumerate(zip(generation.text, expected, strict=False)) if a != b), 0)
            words = (
                f"The text differs from the recording from character {place + 1} on: the model, its precision or the "
                "machine's arithmetic is another."
            )
        self.replayed.emit(same, words)
