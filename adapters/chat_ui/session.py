"""One browser session's conversation, safe between script runs, and kept in a store as it goes.

When the person clicks while an answer streams, Streamlit starts the next script run at once, in another thread, and
lets the last one unwind meanwhile. So every change is one step under a lock, and one run claims a waiting question.
This object is kept in `st.session_state` and changed without it: touching the session state is a point at which
Streamlit ends a run, which is the last thing wanted while a partial answer is being put away.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from uuid import uuid4

from domain.conversation import AnswerState, Conversation, PromptSettings, Turn
from domain.errors import ConversationStoreError
from domain.words import Text
from ports.conversation_store import ConversationStore

# How often a growing answer is stored: what a crash may cost.
_GROWING_S = 1.0


class ChatSession:
    """Holds the conversation; `change` replaces it, and puts it into the store.

    `trouble` is why the newest state is not in the store; empty when it is. `moved` tells that another tab has changed
    the conversation meanwhile, so that this one lives on under a key of its own.
    """

    def __init__(self, store: ConversationStore, *, now: Callable[[], float] = monotonic) -> None:
        self._store = store
        self._now = now
        self._lock = threading.Lock()
        self._conversation = Conversation()
        self._stored: Conversation | None = None
        self._stored_at = 0.0
        self.trouble: str | Text = ""
        self.moved = False

    @property
    def conversation(self) -> Conversation:
        return self._conversation

    @property
    def busy(self) -> bool:
        """Whether a question waits to be sent or an answer is on its way."""
        return self._conversation.busy

    def change(self, step: Callable[[Conversation], Conversation]) -> None:
        """Replace the conversation by `step` of it."""
        with self._lock:
            self._replace(step(self._conversation))

    def claim(self, model: str) -> Turn | None:
        """The waiting turn, now running; None when nothing waits. Of several callers one gets it."""
        with self._lock:
            begun = self._conversation.begun(model)
            if begun is self._conversation:
                return None
            self._replace(begun)
            return begun.last

    def start_anew(self) -> None:
        """An empty conversation; the one at hand stays in the store.

        Attempts go on counting, so that an answer still on its way to the old one finds no place in the new.
        """
        with self._lock:
            self._replace(self._conversation.interrupted())
            self._conversation = Conversation(attempts=self._conversation.attempts)
            self._stored = None
            self.moved = False

    def forget(self) -> None:
        """As `start_anew`, for a conversation that was deleted: nothing of it is stored any more."""
        with self._lock:
            self._conversation = Conversation(attempts=self._conversation.attempts)
            self._stored, self.trouble, self.moved = None, "", False

    def called(self, key: str, name: str) -> None:
        """The store has the conversation under this name now."""
        with self._lock:
            if self._conversation.key == key:
                self._conversation = replace(self._conversation, name=name)
                self._stored = None if self._stored is None else replace(self._stored, name=name)

    def keep_settings(self, settings: PromptSettings) -> None:
        """What the person has chosen for this conversation; an empty one is not stored for it."""
        if self._conversation.settings != settings:
            self.change(lambda conversation: replace(conversation, settings=settings))

    def open(self, key: str) -> bool:
        """Take up a conversation of the store; False when there is none of that key.

        An answer that ran when it was stored, here before a reload or in another tab, counts as stopped here, and a
        question that had not been sent is not sent unasked. Raises ConversationStoreError.
        """
        loaded = self._store.load(key)
        if loaded is None:
            return False
        with self._lock:
            self._replace(self._conversation.interrupted())
            self._stored = loaded
            attempts = max(loaded.attempts, self._conversation.attempts)
            self._conversation = replace(loaded.begun("").interrupted(), attempts=attempts)
            self.trouble, self.moved = "", False
        return True

    def _replace(self, new: Conversation) -> None:
        old = self._conversation
        if new is old:
            return
        if new.turns and not new.key:
            new = replace(new, key=uuid4().hex)
        self._conversation = new
        if new.key and not (self._grows(old, new) and self._now() - self._stored_at < _GROWING_S):
            self._keep(new)

    @staticmethod
    def _grows(old: Conversation, new: Conversation) -> bool:
        return (
            old.last is not None
            and new.last is not None
            and old.last.answer.state is new.last.answer.state is AnswerState.RUNNING
        )

    def _keep(self, conversation: Conversation) -> None:
        self._stored_at = self._now()
        try:
            saved = self._store.save(conversation, replaces=self._stored)
        except ConversationStoreError as error:
            # The person goes on; the next change tries again.
            self.trouble = error.text
            return
        self.trouble = ""
        self.moved = self.moved or saved.key != conversation.key
        self._stored = self._conversation = saved
