"""The account that a command works with: the one in `.env`, or the sandbox where none is configured."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from config.environment import nothing_configured
from config.settings import Settings, load_settings
from domain.words import Text
from entrypoints.console import Console


@contextmanager
def account_or_sandbox(env_file: Path | None, console: Console) -> Generator[Settings, None, None]:
    """The settings of an account, or of a sandbox that runs as long as the context. Raises ConfigurationError."""
    if not nothing_configured(env_file=env_file):
        yield load_settings(env_file=env_file)
        return
    # A server and a model are much to load for those who have an account.
    from entrypoints.sandboxed import sandboxed_settings  # noqa: PLC0415

    console.say(
        Text("No account is configured, so the built-in sandbox answers.", "没有配置账号，所以由内置沙盒应答。")
    )
    with sandboxed_settings() as settings:
        yield settings
