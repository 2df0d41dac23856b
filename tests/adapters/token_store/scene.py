"""A .env file of somebody's, and a store on it."""

import stat
from datetime import timedelta
from pathlib import Path

from adapters.token_store.dotenv import DotenvTokenStore
from adapters.token_store.files import Files

TEXT = """\
# The account of the team
OAUTH_HOST=https://id.example  # ours

export OAUTH_REFRESH_TOKEN="first"
LLM_MODEL_NAME='a b'
"""


def store_at(path: Path, *, seed_refresh_token: str | None = None, files: Files | None = None) -> DotenvTokenStore:
    timeout = timedelta(seconds=5)
    return DotenvTokenStore(path=path, lock_timeout=timeout, seed_refresh_token=seed_refresh_token, files=files)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
