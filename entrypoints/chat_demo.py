"""The demonstration of OCAChatModel: `python -m entrypoints.chat_demo`, or `oca chat --demo`.

It streams an answer, asks for one whole, and streams one in asyncio, for the account in `.env` or, where none is
configured, on the sandbox.
"""

import argparse
import asyncio
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from langchain_core.exceptions import LangChainException

from adapters.langchain import OCAChatModel, OCAOauth2TokenManager
from config.environment import nothing_configured
from config.logging import configure_logging
from config.settings import Settings, load_settings
from domain.errors import ConfigurationError
from entrypoints.sandboxed import sandboxed_settings

QUESTION = "Say hello in one sentence, in English and in Chinese."


def main() -> int:
    """Run the demonstration; 0 when all three answers came, 3 for wrong settings, 1 for other failures."""
    parser = argparse.ArgumentParser(prog="python -m entrypoints.chat_demo", description=__doc__)
    parser.add_argument("question", nargs="?", default=QUESTION)
    parser.add_argument("--env-file", type=Path, help="the .env file; by default OCA_ENV_FILE, else ./.env")
    chosen = parser.parse_args()
    try:
        demonstrate(chosen.question, env_file=chosen.env_file)
    except (ConfigurationError, LangChainException) as error:
        print(error, file=sys.stderr)
        return 3 if isinstance(error, ConfigurationError) else 1
    return 0


def demonstrate(question: str = QUESTION, *, env_file: Path | None = None) -> None:
    """Print three answers. Raises ConfigurationError, and LangChain's errors."""
    with demo_settings(env_file) as settings:
        model = model_for(settings)
        _show(f"The model is {model.model}, at {model.base_url}; on offer: {', '.join(model.available_models)}")

        _show("\n1. Streaming, as the words come")
        for chunk in model.stream(question):
            print(chunk.text, end="", flush=True)

        _show("\n\n2. One answer, whole")
        answer = model.invoke(question)
        _show(answer.text)
        if answer.usage_metadata is not None:
            counts = answer.usage_metadata
            _show(f"({counts['input_tokens']} tokens in, {counts['output_tokens']} out)")

        _show("\n3. Streaming in asyncio")
        asyncio.run(_stream(model, question))
        _show("")


@contextmanager
def demo_settings(env_file: Path | None) -> Generator[Settings, None, None]:
    """The settings of an account, or of a sandbox that runs as long as the context where none is configured."""
    if not nothing_configured(env_file=env_file):
        yield load_settings(env_file=env_file)
        return
    _show("No account is configured, so the built-in sandbox answers.", error=True)
    with sandboxed_settings() as settings:
        yield settings


def model_for(settings: Settings) -> OCAChatModel:
    """The chat model of these settings."""
    configure_logging("WARNING", settings.log_format)
    return OCAChatModel.from_env(OCAOauth2TokenManager(settings=settings))


async def _stream(model: OCAChatModel, question: str) -> None:
    async for chunk in model.astream(question):
        print(chunk.text, end="", flush=True)
    _show("")


def _show(line: str, *, error: bool = False) -> None:
    print(line, file=sys.stderr if error else sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
