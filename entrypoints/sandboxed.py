"""The sandbox as if it were a real account: settings read from a temporary `.env` by the very same code."""

import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from adapters.clock.system import SystemClock
from adapters.sandbox.server import Sandbox
from config.environment import environment_for_sandbox
from config.settings import Settings, load_settings


@contextmanager
def sandboxed_settings(overrides: Mapping[str, str] | None = None) -> Generator[Settings, None, None]:
    """Run a sandbox for as long as the context lasts."""
    with (
        tempfile.TemporaryDirectory(prefix="oca-sandbox-") as folder,
        # Words at the pace of a model, and a token life short enough to watch renewals in the log.
        Sandbox(
            SystemClock(), access_token_lifetime=timedelta(minutes=1), word_pause=timedelta(milliseconds=30)
        ) as sandbox,
    ):
        env_file = Path(folder) / ".env"
        env_file.touch(mode=0o600)
        env_file.write_text(sandbox.env_text(sandbox.controls.issue_login()), encoding="utf-8")
        yield load_settings(env_file=env_file, environ=environment_for_sandbox(), overrides=overrides)
