"""Simon Willison's `llm`: `extra-openai-models.yaml` in LLM_USER_PATH, else in click's folder for an application.

llm.datasette.io, "OpenAI-compatible models". Keys live in a file of its own, which `llm keys set` writes.
"""

from pathlib import Path as FilePath

from adapters.client_configs.changes import Item, Path, Value
from adapters.client_configs.editing import Format
from adapters.client_configs.recipe import NAME, FileEdit, Gateway, Recipe, Surroundings, in_file
from domain.words import Text

_FOLDER = "io.datasette.llm"


def llm(gateway: Gateway, surroundings: Surroundings) -> Recipe:
    model: dict[str, Value] = {"model_id": NAME, "model_name": gateway.model, "api_base": gateway.base_url}
    notes = [Text(f"Use it: llm -m {NAME} 'Hello!'", f"使用：llm -m {NAME} '你好！'")]
    if gateway.api_key is not None:
        model["api_key_name"] = NAME
        notes.insert(
            0,
            Text(
                f"The key is kept by llm itself. Give it one of OCA_API_KEYS with: llm keys set {NAME}",
                f"key 由 llm 自己保存。请用以下命令把 OCA_API_KEYS 中的一个交给它：llm keys set {NAME}",
            ),
        )
    changes: dict[Path, Value] = {(Item("model_id", NAME),): model}
    path = _user_folder(surroundings) / "extra-openai-models.yaml"
    return in_file(FileEdit(paths=(path,), format=Format.YAML, changes=changes), notes=tuple(notes))


def _user_folder(surroundings: Surroundings) -> FilePath:
    if surroundings.environ.get("LLM_USER_PATH"):
        return surroundings.folder("LLM_USER_PATH")
    match surroundings.platform:
        case "win32":
            return surroundings.folder("APPDATA", "AppData", "Roaming") / _FOLDER
        case "darwin":
            return surroundings.home / "Library" / "Application Support" / _FOLDER
        case _:
            return surroundings.folder("XDG_CONFIG_HOME", ".config") / _FOLDER
