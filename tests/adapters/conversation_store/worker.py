"""A process of its own for the tests: `python -m tests.adapters.conversation_store.worker <task> <path> [<more>]`."""

import os
import sys
from datetime import timedelta
from itertools import count
from pathlib import Path

from adapters.clock.system import SystemClock
from adapters.conversation_store.database import Database
from adapters.conversation_store.sqlite import SqliteConversationStore
from domain.chat import TextPart
from domain.conversation import Attachment, Conversation
from domain.errors import ConversationStoreError
from tests.contracts.conversation_store import answered, heard


def opened(path: Path) -> SqliteConversationStore:
    return SqliteConversationStore(path, SystemClock(), lock_timeout=timedelta(seconds=50))


def numbered(number: int) -> Conversation:
    """Long and short by turns; the number is in a row of each kind."""
    text = f"{number}-" + "x" * (number % 2 * 20_000)
    file = Attachment(name=str(number), part=TextPart(text=text))
    asked = Conversation(key="a").asked(str(number), (file,))
    return heard(asked, text)


def number_of(conversation: Conversation) -> int:
    """The number, once it is proven that all of the conversation is of the same save."""
    number = int(conversation.turns[0].question)
    assert conversation == numbered(number)
    return number


def ask(path: Path, name: str) -> None:
    """Go on with what all share, and with what others have done meanwhile."""
    store = opened(path)
    for number in range(10):
        held = store.load("a") or Conversation(key="a")
        saved = store.save(answered(held, f"{name}-{number}", "yes"), replaces=held if held.turns else None)
        store.save(answered(saved, f"{name}-{number}-again", "yes"), replaces=saved)


def save(path: Path, first: int) -> None:
    """Save until killed, and tell of each save that has returned."""
    store = opened(path)
    saved = store.load("a")
    for number in count(first):
        saved = store.save(numbered(number), replaces=saved)
        os.write(1, b"%d\n" % number)


def hold(path: Path) -> None:
    """Be in the middle of writing until the input ends."""
    with Database(path, lock_timeout=timedelta(seconds=50)).writing() as connection:
        connection.execute("DELETE FROM conversations")
        os.write(1, b"held\n")
        sys.stdin.read()


def fill(path: Path) -> None:
    """Save until the file may not grow any more, and tell of each save and of the failure."""
    # Here, since there is no such module on Windows.
    import resource

    store = opened(path)
    saved = store.save(numbered(0))
    limit = 2_000_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    for number in range(1, 100):
        try:
            grown = numbered(number)
            saved = store.save(answered(grown, "x" * 50_000 * number, "yes"), replaces=saved)
        except ConversationStoreError as error:
            os.write(1, f"{error}\n".encode())
            return
        os.write(1, b"%d\n" % number)


if __name__ == "__main__":
    task, target, more = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    if task == "ask":
        ask(target, more[0])
    elif task == "save":
        save(target, int(more[0]))
    elif task == "hold":
        hold(target)
    else:
        fill(target)
