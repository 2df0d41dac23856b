"""What `oca chat` does: one answer, or a conversation."""

import sys
from collections.abc import Sequence
from pathlib import Path

from config.container import build_container
from config.logging import configure_logging
from config.settings import Settings
from domain.chat import ImagePart, Message, TextPart
from domain.words import Text
from entrypoints.account import account_or_sandbox
from entrypoints.answering import Manner, answer_document, quiet_answer, show_answer
from entrypoints.console import Console

_READING = Text("Reading standard input; Ctrl-D ends it ...", "正在读取标准输入，按 Ctrl-D 结束……")
# A program that starts this one with a pipe that it never closes would wait in vain, and see nothing.
_WAITING_FOR_INPUT = Text(
    "Waiting for the end of standard input, which goes with the question. Where nothing is to go with it: < /dev/null",
    "正在等待标准输入结束，其内容会随问题一起发送。如果没有要发送的内容，请加上 < /dev/null",
)


def answer_once(
    question: str, pictures: Sequence[ImagePart], manner: Manner, settings: Settings, console: Console, *, as_json: bool
) -> None:
    """Ask one question. Raises TokenError, UpstreamError."""
    chat = build_container(settings).blocking_chat()
    request = manner.request((Message(role="user", content=(TextPart(text=question), *pictures)),))
    if as_json:
        console.document(answer_document(quiet_answer(chat, request, console), manner.model))
    else:
        show_answer(chat, request, console)


def converse(pictures: Sequence[ImagePart], manner: Manner, settings: Settings, console: Console) -> None:
    """Talk until the person leaves."""
    from entrypoints.conversation_terminal import COMMANDS, Conversation  # noqa: PLC0415 - loads an editor
    from entrypoints.line_editor import LineEditor, history_in  # noqa: PLC0415

    chat = build_container(settings).blocking_chat()
    editor = LineEditor(console, history_in(settings), commands=COMMANDS)
    Conversation(chat, manner, console, tuple(pictures)).run(editor)


def run_chat(
    question: str | None,
    pictures: Sequence[ImagePart],
    *,
    model: str | None,
    system: str | None,
    env_file: Path | None,
    console: Console,
    as_json: bool,
) -> None:
    """Answer a question, or where there is none, talk."""
    with account_or_sandbox(env_file, console) as settings:
        configure_logging("CRITICAL", settings.log_format)
        manner = manner_of(settings, model=model, system=system)
        if question is None:
            converse(pictures, manner, settings, console)
        else:
            answer_once(question, pictures, manner, settings, console, as_json=as_json)


def manner_of(settings: Settings, *, model: str | None, system: str | None) -> Manner:
    """As the options say, else as `.env` does; what stands nowhere is not sent."""
    given = settings.model_fields_set
    return Manner(
        model=model or settings.llm_model_name or "",
        system=system if system is not None else settings.llm_system_prompt if "llm_system_prompt" in given else None,
        temperature=settings.llm_temperature if "llm_temperature" in given else None,
    )


def question_of(prompt: str | None, console: Console) -> str:
    """The prompt, and below it what comes on standard input where that is no terminal. "" where there is neither."""
    piped = "" if _is_terminal() else _standard_input(console)
    return "\n\n".join(part for part in ((prompt or "").strip(), piped.strip("\n")) if part.strip())


def can_converse(console: Console) -> bool:
    """Whether a person types and reads here."""
    return _is_terminal() and console.width is not None


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()  # pyright: ignore[reportUnnecessaryComparison] # closed, or Windows without one


def _standard_input(console: Console) -> str:
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
        return ""
    with console.working(_READING, unwatched=_WAITING_FOR_INPUT):
        data = sys.stdin.buffer.read()
    for encoding in ("utf-8-sig", sys.stdin.encoding or "utf-8"):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("utf-8", "replace")
