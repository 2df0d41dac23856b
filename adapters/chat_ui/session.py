"""One browser session's conversation, safe between script runs.

When the person clicks while an answer streams, Streamlit starts the next script run at once, in another thread, and
lets the last one unwind meanwhile. So every change is one step under a lock, and one run claims a waiting question.
This object is kept in `st.session_state` and changed without it: touching the session state is a point at which
Streamlit ends a run, which is the last thing wanted while a partial answer is being put away.
"""

import threading
from collections.abc import Callable

from domain.conversation import AnswerState, Conversation, Turn


class ChatSession:
    """Holds the conversation; `change` replaces it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._conversation = Conversation()

    @property
    def conversation(self) -> Conversation:
        return self._conversation

    @property
    def busy(self) -> bool:
        """Whether a question waits to be sent or an answer is on its way."""
        last = self._conversation.last
        return last is not None and last.answer.state in {AnswerState.ASKED, AnswerState.RUNNING}

    def change(self, step: Callable[[Conversation], Conversation]) -> None:
        """Replace the conversation by `step` of it."""
        with self._lock:
            self._conversation = step(self._conversation)

    def claim(self, model: str) -> Turn | None:
        """The waiting turn, now running; None when nothing waits. Of several callers one gets it."""
        with self._lock:
            begun = self._conversation.begun(model)
            if begun is self._conversation:
                return None
            self._conversation = begun
            return begun.last
