"""A .env file of somebody's, and a store on it."""

import stat
from datetime import timedelta
from pathlib import Path

from adapters.token_store.dotenv import DotenvTokenStore
from adapters.token_store.files import Files
from domain.tokens import TokenSet, begin_attempt
from ports.token_store import TokenStore
from tests.contracts.token_store import ISSUED_AT

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


def rotate(store: TokenStore, successor: TokenSet) -> TokenSet:
    """One refresh as the domain runs it, without a server; returns what it began with. Raises TokenStoreError."""
    with store.exclusive():
        tokens = store.load()
        assert tokens.refresh_token is not None
        store.prove_storable()
        store.save(begin_attempt(tokens, tokens.refresh_token, now=ISSUED_AT))
        store.save(successor)
    return tokens
