"""A conversation store in memory."""

import threading
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from domain.conversation import Conversation, ConversationSummary
from domain.errors import ConversationStoreError
from ports.clock import Clock
from ports.conversation_store import KEPT_AFTER_DELETION


@dataclass(slots=True, kw_only=True)
class _Kept:
    conversation: Conversation
    updated_at: datetime
    deleted_at: datetime | None = None

    def holds(self, word: str) -> bool:
        texts = [self.conversation.name]
        for turn in self.conversation.turns:
            texts += [turn.question, turn.answer.text, *(each.name for each in turn.attachments)]
        return any(word.casefold() in text.casefold() for text in texts)


class FakeConversationStore:
    """`trouble` makes every call fail until it is None again."""

    def __init__(self, clock: Clock) -> None:
        self.trouble: ConversationStoreError | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def save(self, conversation: Conversation, *, replaces: Conversation | None = None) -> Conversation:
        key = (replaces.key if replaces is not None else "") or conversation.key
        if not key:
            raise ValueError("no key")
        conversation = replace(conversation, key=key)
        with self._lock:
            self._fail()
            self._purge()
            kept = self._kept.get(key)
            if kept is None:
                return self._insert(conversation)
            before = kept.conversation
            if before.turns not in (conversation.turns, conversation.turns if replaces is None else replaces.turns):
                return self._insert(replace(conversation, key=uuid4().hex))
            kept.conversation = replace(conversation, name=before.name)
            if kept.conversation != before:
                kept.updated_at = self._clock.now()
            if replaces is None or conversation.attempts > before.attempts:
                kept.deleted_at = None
            return kept.conversation

    def load(self, key: str) -> Conversation | None:
        with self._lock:
            self._fail()
            kept = self._kept.get(key)
            return None if kept is None or kept.deleted_at is not None else kept.conversation

    def listed(self, search: str = "", *, limit: int = 200) -> tuple[ConversationSummary, ...]:
        with self._lock:
            self._fail()
            found = [
                ConversationSummary(key=key, title=kept.conversation.title, updated_at=kept.updated_at)
                for key, kept in reversed(self._kept.items())
                if kept.deleted_at is None and all(kept.holds(word) for word in search.split())
            ]
        return tuple(sorted(found, key=lambda summary: summary.updated_at, reverse=True)[: max(limit, 0)])

    def rename(self, key: str, name: str) -> None:
        with self._lock:
            self._fail()
            if key in self._kept:
                self._kept[key].conversation = replace(self._kept[key].conversation, name=name)

    def delete(self, key: str) -> None:
        with self._lock:
            self._fail()
            if key in self._kept:
                self._kept[key].deleted_at = self._kept[key].deleted_at or self._clock.now()

    def restore(self, key: str) -> None:
        with self._lock:
            self._fail()
            if key in self._kept:
                self._kept[key].deleted_at = None

    def _insert(self, conversation: Conversation) -> Conversation:
        self._kept[conversation.key] = _Kept(conversation=conversation, updated_at=self._clock.now())
        return conversation

    def _purge(self) -> None:
        due = self._clock.now() - KEPT_AFTER_DELETION
        self._kept = {key: kept for key, kept in self._kept.items() if kept.deleted_at is None or kept.deleted_at > due}

    def _fail(self) -> None:
        if self.trouble is not None:
            raise self.trouble
