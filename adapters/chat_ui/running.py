"""The turn that a script run streams: its question is sent, once, and its answer drawn as it grows."""

import time
from dataclasses import dataclass
from datetime import timedelta

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from adapters.chat_ui.listening import listening
from adapters.chat_ui.markup import growing_prose
from adapters.chat_ui.session import ChatSession
from adapters.chat_ui.texts import Texts
from adapters.chat_ui.troubles import trouble_of
from adapters.chat_ui.turns import draw_question
from domain.chat import ChatRequest, ChatResponse, Message
from domain.conversation import PromptSettings, Trouble, TroubleKind, Turn
from domain.errors import TokenError, UpstreamError
from domain.events import GrowingAnswer
from ports.gateway import AsyncChat

_PATIENCE = timedelta(milliseconds=200)
_GLANCE = timedelta(seconds=1)
# More often than this the eye sees no difference, and a long answer would be sent to the browser again and again.
_FRAME_S = 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTurn:
    """The turn that this script run has claimed."""

    turn: Turn
    session: ChatSession
    chat: AsyncChat
    settings: PromptSettings
    texts: Texts

    def draw(self) -> None:
        """Returns when the answer is settled. Streamlit may end the run in here at any drawing: then it is stopped."""
        attempt = self.turn.answer.attempt
        request = self.session.conversation.request(self.settings)
        try:
            with st.chat_message("user"):
                draw_question(self.turn)
            with st.chat_message("assistant"):
                self._stream(request)
            self.session.change(lambda conversation: conversation.finished(attempt))
        except (TokenError, UpstreamError) as error:
            trouble = trouble_of(error, self.texts.spoken)
            self.session.change(lambda conversation: conversation.failed(attempt, trouble))
        except Exception as error:
            unexpected = Trouble(kind=TroubleKind.UNEXPECTED, detail=type(error).__name__)
            self.session.change(lambda conversation: conversation.failed(attempt, unexpected))
            raise
        finally:
            # No effect on an answer that is settled. Here no Streamlit call may stand: in a run that is being ended
            # each of them raises again.
            self.session.change(lambda conversation: conversation.stopped(attempt))

    def _stream(self, request: ChatRequest) -> None:
        view = _View(texts=self.texts)
        rerun_once_settled(self.session)
        attempt = self.turn.answer.attempt
        begun = drawn = time.monotonic()
        growing = GrowingAnswer()

        def keep() -> ChatResponse:
            response, elapsed = growing.response(), timedelta(seconds=time.monotonic() - begun)
            self.session.change(lambda conversation: conversation.heard(attempt, response, elapsed))
            return response

        try:
            with listening(self.chat, request, patience=_PATIENCE) as batches:
                for batch in batches:
                    for event in batch:
                        growing.take(event)
                    now = time.monotonic()
                    if batch and view.begun and now - drawn < _FRAME_S:
                        continue
                    drawn = now
                    # Kept before it is drawn: a drawing may be the last thing that this run does.
                    view.show(keep().message, seconds=int(now - begun))
            view.show(keep().message, seconds=int(time.monotonic() - begun))
        finally:
            keep()


class _View:
    """The places on the page where an answer grows."""

    def __init__(self, *, texts: Texts) -> None:
        self.begun = False
        self._texts = texts
        self._reasoning, self._text, self._status = st.empty(), st.empty(), st.empty()
        self._thoughts: DeltaGenerator | None = None
        self._shown = self._shown_thoughts = ""

    def show(self, message: Message, *, seconds: int) -> None:
        """What has been said and thought so far; Streamlit may end the run in here."""
        words = self._texts.answering if message.said else self._texts.waiting
        self._status.caption(words.format(seconds=seconds))
        if message.reasoning != self._shown_thoughts:
            self.begun = True
            self._shown_thoughts = message.reasoning
            if self._thoughts is None:
                self._thoughts = self._reasoning.expander(self._texts.reasoning, icon=":material/psychology:").empty()
            self._thoughts.markdown(growing_prose(message.reasoning))
        if message.said != self._shown:
            self.begun = True
            self._shown = message.said
            self._text.markdown(growing_prose(message.said))


def rerun_once_settled(session: ChatSession) -> None:
    """Draws the page again after a stop.

    A run that the person stops ends where it stands, and can no longer mark the answer or offer what to do next. The
    browser asks every second, until the next whole run leaves this out.
    """

    # Made a fragment here, not by a decorator: that one would ask for a running script at import time.
    def look() -> None:
        if not session.busy:
            st.rerun()

    st.fragment(look, run_every=_GLANCE)()
