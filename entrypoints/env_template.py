"""The text of a new `.env`: that of `.env.example` where the program runs in its folder, else made of the keys."""

import re
from collections.abc import Mapping
from pathlib import Path

from adapters.token_store.managed_keys import MANAGED_KEYS
from entrypoints.config_values import SETTING_KEYS, default_of

_EXAMPLE = Path(__file__).resolve().parents[1] / ".env.example"
_FIRST = ("OAUTH_HOST", "OAUTH_CLIENT_ID", "LLM_API_URL", "LLM_MODEL_NAME", "LLM_MODELS_API_URL")


def new_env_text(values: Mapping[str, str], example: Path = _EXAMPLE) -> bytes:
    """A `.env` without values, in which these keys have their line, to be filled in."""
    text = example.read_text(encoding="utf-8") if example.is_file() else _made_of_the_keys()
    for key in values:
        # A default that is commented out becomes the line of its key.
        text = re.sub(rf"^#{re.escape(key)}=.*$", f"{key}=", text, count=1, flags=re.MULTILINE)
    return text.encode("utf-8")


def _made_of_the_keys() -> str:
    others = [key for key in SETTING_KEYS if key not in _FIRST]
    lines = [
        "# OCA Gateway: an environment variable of the same name wins. `oca config set KEY=VALUE` changes a line.",
        "# OCA Gateway：同名环境变量优先。可用 `oca config set KEY=VALUE` 修改。",
        "",
        *(f"{key}=" for key in _FIRST),
        "",
        "# Managed by the program; do not edit. 由程序维护，请勿修改。",
        *(f"{key}=" for key in MANAGED_KEYS),
        "",
        "# The defaults. 默认值。",
        *(f"#{key}={_written(default_of(key) or '')}" for key in others),
    ]
    return "\n".join(lines) + "\n"


def _written(value: str) -> str:
    return f'"{value}"' if " " in value else value
