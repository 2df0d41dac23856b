"""Where the chat page's conversations live."""

from datetime import timedelta
from typing import Protocol

from domain.conversation import Conversation, ConversationSummary

KEPT_AFTER_DELETION = timedelta(days=30)


class ConversationStore(Protocol):
    """Keeps conversations by their keys. Blocking, safe to share between threads and between processes.

    Every method raises ConversationStoreError when the store cannot be read, written or had in time. What was saved
    before is whole all the same.
    """

    def save(self, conversation: Conversation, *, replaces: Conversation | None = None) -> Conversation:
        """Keep the whole value, an unsettled answer as it is, and return what is stored now: go on from that.

        `replaces` is what this holder last loaded or got back from `save`, None for a conversation that is new to the
        store. Its key says where the value belongs. Each holder saves one value at a time.

        Nothing of another holder is overwritten. When the turns in the store are neither those of `replaces` nor those
        that are being saved, somebody else has gone on meanwhile: the value is stored under a new key, and returned
        with it, so that both live. The settings are those of the last save. The name of what is stored is changed by
        `rename` alone, so that a holder who has not heard of a new name cannot bring the old one back.

        To ask something new in a deleted conversation, or to save it as a new one, restores it; an answer that only
        grows to its end does not. Raises ValueError when there is no key.
        """
        ...

    def load(self, key: str) -> Conversation | None:
        """The conversation; None where there is none, or a deleted one."""
        ...

    def listed(self, search: str = "", *, limit: int = 200) -> tuple[ConversationSummary, ...]:
        """The conversations that are not deleted, those saved last first.

        Every word of `search`, separated by white space, must occur in a question, an answer, the name of a file or
        the name of the conversation: anywhere, as a part of a longer word too, and without regard to case.
        """
        ...

    def rename(self, key: str, name: str) -> None:
        """Call it by another name; an empty one gives it back its first words. Its place in the list stays."""
        ...

    def delete(self, key: str) -> None:
        """Take it from the list. `restore` undoes this, until a save after KEPT_AFTER_DELETION removes it for good."""
        ...

    def restore(self, key: str) -> None:
        """Put what was deleted back, where it is still there."""
        ...
