"""A line of a conversation, typed with editing and a history that lasts."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output
from typing_extensions import override

from config.settings import Settings
from domain.words import Text
from entrypoints.console import Console

HISTORY = "chat-history"
_HINT = Text("Ctrl-D leaves, or /exit.", "按 Ctrl-D 或输入 /exit 退出。")


class LineEditor:
    """Implements entrypoints.conversation_terminal.LineReader on a terminal, or on what is given in its place."""

    def __init__(
        self,
        console: Console,
        history: History,
        *,
        commands: Iterable[str] = (),
        input: Input | None = None,  # noqa: A002 - prompt_toolkit's word
        output: Output | None = None,
    ) -> None:
        self._hint = console.told(_HINT)
        self._session: PromptSession[str] = PromptSession(
            history=history,
            multiline=True,
            key_bindings=self._keys(),
            prompt_continuation=". ",
            completer=WordCompleter(list(commands), sentence=True),
            complete_while_typing=Condition(lambda: self._session.default_buffer.text.startswith("/")),
            reserve_space_for_menu=4,
            input=input,
            output=output,
        )

    def read(self, draft: str = "") -> str:
        self._session.bottom_toolbar = None
        return self._session.prompt("> ", default=draft)

    @property
    def hint(self) -> str | None:
        """What stood below the line when it was sent: how to leave, once Ctrl-C has been pressed in vain."""
        return self._hint if self._session.bottom_toolbar is not None else None

    def _keys(self) -> KeyBindings:
        """Enter sends; Alt+Enter, which terminals tell as Escape and Enter, begins a line; Ctrl-C takes back."""
        keys = KeyBindings()

        @keys.add("enter")
        def send(event: KeyPressEvent) -> None:
            event.current_buffer.validate_and_handle()

        @keys.add("escape", "enter")
        def begin_line(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add("c-c")
        @keys.add("<sigint>")
        def take_back(event: KeyPressEvent) -> None:
            # Below the line and not between two lines: what is typed meanwhile must not get lost.
            self._session.bottom_toolbar = None if event.current_buffer.text else self._hint
            event.current_buffer.reset()

        _ = (send, begin_line, take_back)
        return keys


def history_in(settings: Settings) -> History:
    """The history in the data folder, for the owner's eyes only; one in memory where it cannot be kept."""
    try:
        path = settings.conversations_file.with_name(HISTORY)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
    except (OSError, ModuleNotFoundError):
        return InMemoryHistory()
    return _LastingHistory(path)


class _LastingHistory(FileHistory):
    """A history that a full disk does not stop."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))

    @override
    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string)
