"""Continue, its editors' extensions and `cn`: `config.yaml` in CONTINUE_GLOBAL_DIR, else in `~/.continue`.

docs.continue.dev, "config.yaml reference": name, version and schema are required. Where that file is missing, an older
`config.json` is read, which it would put out of use.
"""

from adapters.client_configs.changes import Item, Path, Value
from adapters.client_configs.editing import Format
from adapters.client_configs.recipe import TITLE, FileEdit, Gateway, Recipe, Surroundings, in_file
from domain.words import Text


def continue_dev(gateway: Gateway, surroundings: Surroundings) -> Recipe:
    folder = surroundings.folder("CONTINUE_GLOBAL_DIR", ".continue")
    model = {
        "name": TITLE,
        "provider": "openai",
        "model": gateway.model,
        "apiBase": gateway.base_url,
        "apiKey": gateway.key,
        "roles": ["chat", "edit", "apply"],
    }
    defaults: dict[Path, Value] = {("name",): "Local Config", ("version",): "1.0.0", ("schema",): "v1"}
    return in_file(
        FileEdit(
            paths=(folder / "config.yaml",),
            format=Format.YAML,
            changes={("models", Item("name", TITLE)): model},
            defaults=defaults,
            blocked_by=folder / "config.json",
            blocked=Text(
                "Continue would no longer read your config.json once there is a config.yaml. Let Continue convert it, "
                "or write config.yaml by hand.",
                "一旦有了 config.yaml，Continue 就不再读取您的 config.json。"
                "请先用 Continue 转换它，或手工编写 config.yaml。",
            ),
        )
    )
