"""What is done with one token: a fork with it, a ban, a beginning; pressed in the funnel or typed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Slot

from app.engine.errors import UserError
from app.session.bans import same_token
from app.ui.pages.generate.readings import GenerateReadings


class TokenActs(GenerateReadings):
    """Bans and beginnings are of model A's tokens, as the settings are."""

    @Slot(int)
    def _fork_with(self, token: int) -> None:
        if self._shown is not None:
            self._session.generation.fork(self._shown.index, token)

    @Slot(int)
    def _ban(self, token: int) -> None:
        """Ban a token; the text does not begin with it any more."""
        generation, name = self._session.generation, self.settings.bans.name_of(token)
        settings, others = generation.settings, tuple(each for each in generation.settings.forced if each != token)
        banned = settings.banned if token in settings.banned else (*settings.banned, token)
        generation.set_settings(replace(settings, banned=banned, forced=others))
        since = "the next token" if generation.running else "the next text"
        freed = ", which does not begin with it any more" if others != settings.forced else ""
        self.noted.emit(f"{name} is banned from {since} on{freed}.")
        self.settings.show_token(token, begins=False)

    @Slot(int)
    def _force(self, token: int) -> None:
        """Let the next text begin with a token, after those it begins with already; it is not banned any more."""
        generation, name_of = self._session.generation, self.settings.bans.name_of
        settings, others = generation.settings, tuple(each for each in generation.settings.banned if each != token)
        forced = (*settings.forced, token)
        generation.set_settings(replace(settings, banned=others, forced=forced))
        freed = f" {name_of(token)} is not banned any more." if others != settings.banned else ""
        self.noted.emit(f"The next text begins with {', then '.join(name_of(each) for each in forced)}.{freed}")
        self.settings.show_token(token, begins=True)

    @Slot(int)
    def _row_banned(self, token: int) -> None:
        if self._is_of_a(token):
            self._ban(token)

    @Slot(int)
    def _row_forced(self, token: int) -> None:
        if self._is_of_a(token):
            self._force(token)

    def _is_of_a(self, token: int) -> bool:
        """Whether a token that was pressed is model A's too, whose tokens are banned and forced; it is said if not."""
        a, writer = self._session.models.loaded(), self._session.generation.current.loaded
        if a is None or writer is None or same_token(token, writer.tokenizer, a.tokenizer):
            return True
        names = writer.summary.name, a.summary.name
        way = "Swap A and B (Ctrl+K), or type the token that is meant."
        self.show_error(UserError(f"This is a token of {names[0]}; those of model A, {names[1]}, are banned.", way))
        return False

    @Slot(str)
    def _ban_typed(self, text: str) -> None:
        self._read_token(text, self._ban)

    @Slot(str)
    def _begin_typed(self, text: str) -> None:
        self._read_token(text, self._force)

    def _read_token(self, text: str, act: Callable[[int], None]) -> None:
        loaded = self._session.models.loaded()
        if loaded is None:
            self.show_error(UserError("Without a model there are no tokens.", "Open one on the Model page."))
            return

        def then(token: int, name: str) -> None:
            self.banner.clear(including_errors=True)
            self.settings.bans.name_tokens({token: name})
            self.settings.bans.field.clear()
            act(token)

        self._session.generation.read_token(loaded, text, then)
