"""aider: `.aider.conf.yml` in the home folder (aider.chat/docs/config/aider_conf.html).

The name of a model begins with `openai/`: by that LiteLLM, on which aider stands, knows the dialect.
"""

from adapters.client_configs.changes import Path, Value
from adapters.client_configs.editing import Format
from adapters.client_configs.recipe import FileEdit, Gateway, Recipe, Surroundings, in_file
from domain.words import Text


def aider(gateway: Gateway, surroundings: Surroundings) -> Recipe:
    changes: dict[Path, Value] = {
        ("openai-api-base",): gateway.base_url,
        ("openai-api-key",): gateway.key,
        ("model",): f"openai/{gateway.model}",
    }
    return in_file(
        FileEdit(paths=(surroundings.home / ".aider.conf.yml",), format=Format.YAML, changes=changes),
        notes=(
            Text(
                "A .aider.conf.yml in the root of a repository or in the working directory wins over this one.",
                "仓库根目录或当前目录中的 .aider.conf.yml 优先于这个文件。",
            ),
        ),
    )
