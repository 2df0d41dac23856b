"""Draws turns: settled ones from the conversation, the running one as its events come in."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from adapters.chat_ui.listening import listening
from adapters.chat_ui.session import ChatSession
from adapters.chat_ui.texts import Texts, as_code
from adapters.chat_ui.troubles import trouble_of
from domain.chat import ChatRequest
from domain.conversation import Answer, AnswerState, Conversation, PromptSettings, Trouble, TroubleKind, Turn
from domain.errors import TokenError, UpstreamError
from domain.events import StreamEvent, fold
from ports.gateway import AsyncChat

_PATIENCE = timedelta(milliseconds=200)
_GLANCE = timedelta(seconds=1)


def draw_turn(turn: Turn, texts: Texts) -> None:
    """A turn whose answer is not being streamed by this run."""
    with st.chat_message("user"):
        # As it was typed: no Markdown, every line break kept.
        st.text(turn.question)
    answer = turn.answer
    with st.chat_message("assistant"):
        if answer.reasoning:
            with st.expander(texts.reasoning):
                st.markdown(answer.reasoning)
        if answer.text:
            st.markdown(answer.text)
        _draw_ending(answer, texts)


def draw_last_actions(session: ChatSession, texts: Texts) -> None:
    """What can be done about the last answer."""
    last = session.conversation.last
    if last is None:
        return
    failed = last.answer.state is AnswerState.FAILED
    st.button(
        texts.retry if failed else texts.regenerate,
        key="retry" if failed else "regenerate",
        icon=":material/refresh:",
        on_click=session.change,
        args=(Conversation.asked_again,),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTurn:
    """The turn that this script run has claimed. `draw` sends its question, once, and shows the answer grow."""

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
                st.text(self.turn.question)
            with st.chat_message("assistant"):
                self._stream(request)
            self.session.change(lambda conversation: conversation.finished(attempt))
        except (TokenError, UpstreamError) as error:
            trouble = trouble_of(error)
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
        reasoning, text, status = st.empty(), st.container(), st.empty()
        rerun_once_settled(self.session)
        begun = time.monotonic()
        with listening(self.chat, request, patience=_PATIENCE) as batches:
            text.write_stream(self._pieces(batches, begun, reasoning, status))

    def _pieces(
        self,
        batches: Iterator[tuple[StreamEvent, ...]],
        begun: float,
        reasoning: DeltaGenerator,
        status: DeltaGenerator,
    ) -> Iterator[str]:
        """The answer's text in pieces. What has come is put into the conversation before it is drawn."""
        attempt = self.turn.answer.attempt
        events: list[StreamEvent] = []
        thoughts: DeltaGenerator | None = None
        shown = shown_thoughts = 0
        for batch in batches:
            elapsed = timedelta(seconds=time.monotonic() - begun)
            events.extend(batch)
            response = fold(events)
            self.session.change(lambda conversation: conversation.heard(attempt, response, elapsed))  # noqa: B023 - run at once
            words = self.texts.answering if response.message.said else self.texts.waiting
            status.caption(words.format(seconds=int(elapsed.total_seconds())))
            if len(response.message.reasoning) > shown_thoughts:
                shown_thoughts = len(response.message.reasoning)
                if thoughts is None:
                    thoughts = reasoning.expander(self.texts.reasoning).empty()
                thoughts.markdown(response.message.reasoning)
            if len(response.message.said) > shown:
                yield response.message.said[shown:]
                shown = len(response.message.said)


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


def _draw_ending(answer: Answer, texts: Texts) -> None:
    """How the answer ended, and what it cost."""
    match answer.state:
        case AnswerState.ASKED:
            st.caption(texts.not_sent)
        case AnswerState.RUNNING | AnswerState.STOPPED:
            # Running, but in no run that draws: that run has been overtaken and is about to say so itself.
            st.warning(texts.stopped, icon=":material/stop_circle:")
        case AnswerState.FAILED if answer.trouble is not None:
            _draw_trouble(answer.trouble, texts)
        case _:
            _draw_remark(answer, texts)
    if answer.text or answer.state is AnswerState.COMPLETE:
        st.caption(_footer(answer, texts))


def _draw_remark(answer: Answer, texts: Texts) -> None:
    match answer.response.finish_reason:
        case "length":
            st.warning(texts.length)
        case "content_filter":
            st.warning(texts.content_filter)
        case _ if not answer.text:
            st.caption(texts.empty_answer)
        case _:
            pass


def _draw_trouble(trouble: Trouble, texts: Texts) -> None:
    advice = texts.advice[trouble.kind]
    what = advice.what
    if trouble.status is not None:
        what = f"{what} ({texts.status.format(status=trouble.status)})"
    steps = [advice.next_step]
    if trouble.retry_after is not None:
        steps.append(texts.retry_after.format(seconds=max(1, round(trouble.retry_after.total_seconds()))))
    st.error(f"**{what}**\n\n{' '.join(steps)}", icon=":material/error:")
    if trouble.detail:
        st.caption(texts.upstream_words)
        # Foreign words: as plain text, whatever they hold.
        st.code(trouble.detail, language=None, wrap_lines=True)


def _footer(answer: Answer, texts: Texts) -> str:
    parts = [as_code(answer.model), texts.footer_time.format(seconds=f"{answer.elapsed.total_seconds():.1f}")]
    if answer.response.usage is not None:
        usage = answer.response.usage
        parts.append(texts.footer_tokens.format(input=usage.input_tokens, output=usage.output_tokens))
    return " · ".join(parts)
