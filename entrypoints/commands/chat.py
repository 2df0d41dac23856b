"""`oca chat`: ask the model."""

from typing import Annotated

import typer

from entrypoints.commands.options import AsJson, EnvFile
from entrypoints.console import Console, console_of


def register(app: typer.Typer) -> None:
    app.command()(chat)


def chat(  # noqa: PLR0917 - Typer reads the signature
    context: typer.Context,
    prompt: Annotated[
        str | None,
        typer.Argument(help="The question; standard input goes with it. Without either, a conversation."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="The model to ask.", show_default="LLM_MODEL_NAME")
    ] = None,
    system: Annotated[
        str | None, typer.Option("--system", "-s", help="The system prompt.", show_default="LLM_SYSTEM_PROMPT, if set")
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option("--image", metavar="FILE", help="A picture, as file or address; may be given several times."),
    ] = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="Show streaming, a whole answer, and streaming in asyncio, in turn.")
    ] = False,
) -> None:
    """Ask the model, or talk with it; on the sandbox while no account is configured."""
    console = console_of(context)
    if demo:
        _demonstrate(prompt, env_file, console)
        return
    from domain.errors import InvalidRequestError
    from domain.words import Text
    from entrypoints.chatting import can_converse, question_of, run_chat
    from entrypoints.pictures import picture
    from entrypoints.usage import UsageError, usage_told

    question: str | None = None
    with usage_told(console):
        # Before anything is waited for on standard input.
        try:
            pictures = [picture(each) for each in image or ()]
        except InvalidRequestError as error:
            raise UsageError(error.text) from error
        if prompt is not None or as_json or not can_converse(console):
            question = question_of(prompt, console)
            if not question:
                raise UsageError(
                    Text('There is no question. Try: oca chat "Hello!"', '没有问题。请试试：oca chat "你好！"')
                )
    run_chat(question, pictures, model=model, system=system, env_file=env_file, console=console, as_json=as_json)


def _demonstrate(prompt: str | None, env_file: EnvFile, console: Console) -> None:
    from langchain_core.exceptions import ModelError

    from domain.errors import OCAError
    from entrypoints.bilingual import exit_code
    from entrypoints.chat_demo import QUESTION, demonstrate

    try:
        demonstrate(prompt or QUESTION, env_file=env_file)
    except ModelError as error:
        # What we raised ourselves stands behind it, and knows the exit code.
        if isinstance(error.__cause__, OCAError):
            console.say()
            console.say(str(error))
            raise typer.Exit(exit_code(error.__cause__)) from error
        raise
