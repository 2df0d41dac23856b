"""Commands called in a way that cannot be meant, and people who stop answering: a line, and an exit code."""

from collections.abc import Generator
from contextlib import contextmanager

import typer

from domain.words import Text, joined
from entrypoints.console import Console
from entrypoints.questions import NoAnswerError

NOTHING_WRITTEN = Text("Nothing was written.", "未写入任何内容。")
NOBODY_TO_ASK = Text(
    "Nobody can be asked here, and nothing was written. Add --yes to write without being asked.",
    "此处无法询问，未写入任何内容。加上 --yes 可不经询问直接写入。",
)


class UsageError(Exception):
    """The command was called in a way that cannot be meant; exit code 2."""

    def __init__(self, *texts: Text) -> None:
        self.text = joined(texts)
        super().__init__(self.text.en)


@contextmanager
def usage_told(console: Console) -> Generator[None, None, None]:
    """Wrong usage is told with exit code 2, an end of the answers with 1."""
    try:
        yield
    except UsageError as error:
        console.say(error.text)
        raise typer.Exit(2) from error
    except NoAnswerError as error:
        console.say()
        console.say(NOTHING_WRITTEN)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        # The shell's prompt is not to stand behind a question.
        console.say()
        raise
