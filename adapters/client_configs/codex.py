"""Codex: `config.toml` in CODEX_HOME, else in `~/.codex` (developers.openai.com/codex, "Configuration reference").

`model_provider` and `model_providers` count in this file only, not in a project's. All providers speak the Responses
API.
"""

from adapters.client_configs.changes import Path, Value
from adapters.client_configs.editing import Format
from adapters.client_configs.recipe import NAME, TITLE, FileEdit, Gateway, Recipe, Surroundings, in_file, not_served
from domain.words import Text


def codex(gateway: Gateway, surroundings: Surroundings) -> Recipe:
    provider: dict[str, Value] = {"name": TITLE, "base_url": gateway.base_url, "wire_api": "responses"}
    notes: tuple[Text, ...] = ()
    if gateway.api_key is not None:
        # A name of an environment variable (`env_key`) would not reach editors that are not started from a shell.
        provider["experimental_bearer_token"] = gateway.api_key
        notes = (
            Text(
                'To keep the key out of the file, put env_key = "NAME" in the place of experimental_bearer_token, and '
                "the key into that environment variable.",
                '如果不想把 key 写进文件，可以用 env_key = "变量名" 代替 experimental_bearer_token，'
                "并把 key 放进该环境变量。",
            ),
        )
    changes: dict[Path, Value] = {
        ("model",): gateway.model,
        ("model_provider",): NAME,
        ("model_providers", NAME): provider,
    }
    path = surroundings.folder("CODEX_HOME", ".codex") / "config.toml"
    return in_file(
        FileEdit(paths=(path,), format=Format.TOML, changes=changes),
        warnings=(not_served("/v1/responses", "Codex"),),
        notes=notes,
    )
