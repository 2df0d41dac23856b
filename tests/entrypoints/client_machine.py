"""A person's machine with clients on it, as far as `oca connect` sees it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from entrypoints.cli import app

WITH_FILE = ("codex", "claude-code", "aider", "continue", "opencode", "llm")
_MOVED = ("CODEX_HOME", "CLAUDE_CONFIG_DIR", "CONTINUE_GLOBAL_DIR", "XDG_CONFIG_HOME", "LLM_USER_PATH", "APPDATA")


class Machine:
    """A home folder and a `.env`, and `oca` in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env_file = home / "gateway.env"
        self.env_file.write_text("LLM_MODEL_NAME=model-1\nLLM_API_URL=https://api.example.com/v1\n")

    def oca(self, *words: str, **environ: str) -> Any:
        env: Mapping[str, str | None] = {
            **dict.fromkeys(_MOVED),
            **dict.fromkeys(key for key in os.environ if key.startswith(("OCA_", "LLM_", "OAUTH_"))),
            "HOME": str(self.home),
            "USERPROFILE": str(self.home),
            "OCA_LANG": "en",
            **environ,
        }
        return CliRunner().invoke(app, [*words, "--env-file", str(self.env_file)], env=env)

    def file_of(self, client: str) -> Path:
        document = json.loads(self.oca("connect", client, "--json").stdout)
        return Path(document["file"])

    def write(self, client: str, *words: str) -> Any:
        result = self.oca("connect", client, "--write", "--yes", *words)
        assert result.exit_code == 0, result.stderr
        return result

    def undo(self, client: str, *words: str) -> Any:
        return self.oca("connect", client, "--undo", "--yes", *words)
