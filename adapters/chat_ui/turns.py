"""Draws the turns that are settled: questions with their files, answers with their reasoning, tools, ends and costs."""

import base64
from functools import partial

import streamlit as st

from adapters.chat_ui.copying import copy_button
from adapters.chat_ui.markup import Diagram, Prose, pieces_of
from adapters.chat_ui.session import ChatSession
from adapters.chat_ui.texts import Texts, as_code
from domain.chat import ImagePart
from domain.conversation import Answer, AnswerState, Attachment, Conversation, Trouble, Turn

_EDITING = "editing"
_SHORTEST_PACE_S = 0.2


def draw_turn(place: int, turn: Turn, session: ChatSession, texts: Texts) -> None:
    """A turn whose answer is not being streamed by this run. `place` is its number in the conversation."""
    last = place == len(session.conversation.turns) - 1
    with st.chat_message("user"):
        if st.session_state.get(_EDITING) == (session.conversation.key, place):
            _draw_editor(place, turn, session, texts)
        else:
            draw_question(turn)
            st.button(
                texts.edit,
                key=f"edit_{place}",
                icon=":material/edit:",
                type="tertiary",
                on_click=_edit,
                args=((session.conversation.key, place),),
            )
    with st.chat_message("assistant"):
        draw_answer(turn.answer, texts)
        _draw_ending(turn.answer, texts)
        _draw_actions(place, turn.answer, session, texts, last=last)


def draw_question(turn: Turn) -> None:
    """A question and its files."""
    for attachment in turn.attachments:
        _draw_file(attachment)
    if turn.question.strip():
        # As it was typed: no Markdown, every line break kept.
        st.text(turn.question)


def draw_answer(answer: Answer, texts: Texts) -> None:
    """What the model thought, called and said."""
    if answer.reasoning:
        with st.expander(texts.reasoning, icon=":material/psychology:"):
            draw_words(answer.reasoning)
    calls = answer.response.message.tool_calls
    if calls:
        with st.expander(texts.tool_calls, icon=":material/build:"):
            for call in calls:
                st.markdown(as_code(call.name))
                st.code(call.arguments, language="json", wrap_lines=True)
    if answer.text:
        draw_words(answer.text)


def draw_words(text: str) -> None:
    """A model's words: Markdown without raw HTML, and its diagrams."""
    for piece in pieces_of(text):
        match piece:
            case Prose(markdown=markdown):
                st.markdown(markdown)
            case Diagram(source=source):
                st.mermaid_chart(source)


def _draw_file(attachment: Attachment) -> None:
    match attachment.part:
        case ImagePart(url=url) if url.startswith("data:"):
            st.image(base64.b64decode(url.partition(",")[2]), caption=attachment.name, width=240)
        case _:
            st.caption(f":material/attach_file: {as_code(attachment.name)}")


def _draw_editor(place: int, turn: Turn, session: ChatSession, texts: Texts) -> None:
    key = f"edited_{session.conversation.key}_{place}"
    st.text_area(texts.edit, value=turn.question, key=key, label_visibility="collapsed")
    if place < len(session.conversation.turns) - 1:
        st.caption(texts.resend_note)
    with st.container(horizontal=True):
        st.button(
            texts.resend,
            key="resend",
            icon=":material/send:",
            type="primary",
            on_click=_resend,
            args=(place, key, session),
        )
        st.button(texts.cancel, key="cancel_edit", type="tertiary", on_click=_edit, args=(None,))


def _edit(turn: tuple[str, int] | None) -> None:
    st.session_state[_EDITING] = turn


def _resend(place: int, key: str, session: ChatSession) -> None:
    text = str(st.session_state.get(key, ""))
    _edit(None)
    if text.strip() or session.conversation.turns[place].attachments:
        session.change(lambda conversation: conversation.edited(place, text))


def _draw_actions(place: int, answer: Answer, session: ChatSession, texts: Texts, *, last: bool) -> None:
    """What can be done about an answer."""
    failed = answer.state is AnswerState.FAILED
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if answer.text:
            copy_button(answer.text, label=texts.copy, done=texts.copied, key=f"copy_{place}", shortcut=last)
        if last or failed:
            st.button(
                texts.retry if failed else texts.regenerate,
                key=("retry" if failed else "regenerate") + ("" if last else f"_{place}"),
                icon=":material/refresh:",
                type="tertiary",
                shortcut="Alt+G" if last else None,
                on_click=session.change,
                args=(partial(Conversation.asked_again, place=place),),
            )
        if answer.trouble is not None:
            copy_button(
                _details(answer, answer.trouble, texts),
                label=texts.copy_details,
                done=texts.copied,
                key=f"details_{place}",
            )


def _details(answer: Answer, trouble: Trouble, texts: Texts) -> str:
    """What a person can paste into a report; it holds no secret, since no trouble does."""
    advice = texts.advice[trouble.kind]
    lines = [advice.what, advice.next_step]
    if trouble.status is not None:
        lines.append(texts.status.format(status=trouble.status))
    if trouble.detail:
        lines.append(trouble.detail)
    lines.append(f"{texts.model}: {answer.model}")
    return "\n".join(lines)


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
        st.caption(footer(answer, texts))


def _draw_remark(answer: Answer, texts: Texts) -> None:
    match answer.response.finish_reason:
        case "length":
            st.warning(texts.length)
        case "content_filter":
            st.warning(texts.content_filter)
        case _ if not answer.text and not answer.response.message.tool_calls:
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


def footer(answer: Answer, texts: Texts) -> str:
    """Model, time to the first word, time in all, tokens in and out, tokens per second."""
    seconds = answer.elapsed.total_seconds()
    parts = [as_code(answer.model)]
    if answer.first_word_after is not None:
        parts.append(texts.footer_first_word.format(seconds=f"{answer.first_word_after.total_seconds():.1f}"))
    parts.append(texts.footer_time.format(seconds=f"{seconds:.1f}"))
    usage = answer.response.usage
    if usage is not None:
        parts.append(texts.footer_tokens.format(input=usage.input_tokens, output=usage.output_tokens))
        waited = answer.first_word_after.total_seconds() if answer.first_word_after is not None else 0.0
        # What came in one breath has no pace.
        if usage.output_tokens and seconds - waited >= _SHORTEST_PACE_S:
            parts.append(texts.footer_speed.format(rate=f"{usage.output_tokens / (seconds - waited):.0f}"))
    return " · ".join(parts)
