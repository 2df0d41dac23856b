"""opencode: a provider in `opencode.json` or `opencode.jsonc` (opencode.ai/docs/providers, "Custom provider").

On every system the folder is the one of XDG_CONFIG_HOME, else `~/.config`. Both files are read; the latter one wins.
"""

from adapters.client_configs.changes import Path, Value
from adapters.client_configs.editing import Format
from adapters.client_configs.recipe import NAME, TITLE, FileEdit, Gateway, Recipe, Surroundings, in_file
from domain.words import Text


def opencode(gateway: Gateway, surroundings: Surroundings) -> Recipe:
    folder = surroundings.folder("XDG_CONFIG_HOME", ".config") / "opencode"
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": TITLE,
        "options": {"baseURL": gateway.base_url, "apiKey": gateway.key},
        "models": {gateway.model: {"name": gateway.model}},
    }
    changes: dict[Path, Value] = {("provider", NAME): provider, ("model",): f"{NAME}/{gateway.model}"}
    return in_file(
        FileEdit(
            paths=(folder / "opencode.jsonc", folder / "opencode.json"),
            format=Format.JSON,
            changes=changes,
            defaults={("$schema",): "https://opencode.ai/config.json"},
        ),
        notes=(
            Text(
                "A project's own opencode.json and OPENCODE_CONFIG win over this file.",
                "项目自己的 opencode.json 以及 OPENCODE_CONFIG 优先于这个文件。",
            ),
        ),
    )
