"""Claude Code: `env` in `settings.json` of CLAUDE_CONFIG_DIR, else of `~/.claude` (code.claude.com/docs, "env-vars").

It appends `/v1/messages` to the address by itself. ANTHROPIC_AUTH_TOKEN is sent as `Authorization: Bearer`.
"""

from adapters.client_configs.changes import Path, Value
from adapters.client_configs.editing import Format
from adapters.client_configs.recipe import FileEdit, Gateway, Recipe, Surroundings, in_file, not_served
from domain.words import Text


def claude_code(gateway: Gateway, surroundings: Surroundings) -> Recipe:
    variables = {
        "ANTHROPIC_BASE_URL": gateway.root_url,
        "ANTHROPIC_AUTH_TOKEN": gateway.key,
        "ANTHROPIC_MODEL": gateway.model,
        # For titles and other small tasks in the background: its own default is no model of this gateway.
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": gateway.model,
    }
    changes: dict[Path, Value] = {("env", key): value for key, value in variables.items()}
    path = surroundings.folder("CLAUDE_CONFIG_DIR", ".claude") / "settings.json"
    return in_file(
        FileEdit(paths=(path,), format=Format.JSON, changes=changes),
        warnings=(not_served("/v1/messages", "Claude Code"),),
        notes=(
            Text(
                "If ANTHROPIC_API_KEY is set in your environment, unset it: it is sent besides, and may win.",
                "如果环境变量中设置了 ANTHROPIC_API_KEY，请取消它：它会被一并发送，并且可能优先。",
            ),
        ),
    )
