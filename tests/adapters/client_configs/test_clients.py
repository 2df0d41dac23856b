"""Each client gets its own configuration, in the form that its vendor tells, in the place where it looks for it."""

import ast
import json
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from adapters.client_configs.clients import CLIENTS
from adapters.client_configs.editing import Format, read
from adapters.client_configs.recipe import Gateway, Recipe, Surroundings

HOME = Path("/home/me")
OPEN = Gateway(base_url="http://127.0.0.1:8000/v1", model="vendor/model-1")
GUARDED = Gateway(base_url="http://127.0.0.1:8000/v1", model="vendor/model-1", api_key="planted key'")
EVERY = sorted(CLIENTS)


def recipe(name: str, gateway: Gateway = OPEN, platform: str = "linux", **environ: str) -> Recipe:
    return CLIENTS[name].recipe(gateway, Surroundings(home=HOME, environ=environ, platform=platform))


def file_of(name: str, platform: str = "linux", **environ: str) -> Path:
    edit = recipe(name, OPEN, platform, **environ).edit
    assert edit is not None
    return edit.paths[-1]


def said(name: str, gateway: Gateway = OPEN) -> Any:
    found = recipe(name, gateway)
    assert found.edit is not None
    return read(found.edit.format, found.snippet)


def test_codex_gets_a_provider_of_the_responses_dialect() -> None:
    assert tomllib.loads(recipe("codex").snippet) == {
        "model": "vendor/model-1",
        "model_provider": "oca",
        "model_providers": {
            "oca": {"name": "OCA Gateway", "base_url": "http://127.0.0.1:8000/v1", "wire_api": "responses"}
        },
    }
    assert said("codex", GUARDED)["model_providers"]["oca"]["experimental_bearer_token"] == GUARDED.api_key


def test_claude_code_gets_the_address_without_the_version() -> None:
    assert json.loads(recipe("claude-code").snippet) == {
        "env": {
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:8000",
            "ANTHROPIC_AUTH_TOKEN": "any",
            "ANTHROPIC_MODEL": "vendor/model-1",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": "vendor/model-1",
        }
    }


def test_aider_gets_the_model_by_the_name_that_litellm_wants() -> None:
    assert said("aider") == {
        "openai-api-base": "http://127.0.0.1:8000/v1",
        "openai-api-key": "any",
        "model": "openai/vendor/model-1",
    }


def test_continue_gets_one_model_in_its_list() -> None:
    document = said("continue")
    assert (document["name"], document["version"], document["schema"]) == ("Local Config", "1.0.0", "v1")
    (model,) = document["models"]
    assert (model["provider"], model["model"], model["apiBase"]) == ("openai", "vendor/model-1", OPEN.base_url)
    assert model["roles"] == ["chat", "edit", "apply"]


def test_opencode_gets_a_provider_and_its_model() -> None:
    document = json.loads(recipe("opencode").snippet)
    assert document["$schema"] == "https://opencode.ai/config.json"
    assert document["model"] == "oca/vendor/model-1"
    provider = document["provider"]["oca"]
    assert provider["npm"] == "@ai-sdk/openai-compatible"
    assert provider["options"] == {"baseURL": OPEN.base_url, "apiKey": "any"}
    assert list(provider["models"]) == ["vendor/model-1"]


def test_llm_gets_a_model_and_keeps_its_key_itself() -> None:
    assert said("llm") == [{"model_id": "oca", "model_name": "vendor/model-1", "api_base": OPEN.base_url}]
    guarded = recipe("llm", GUARDED)
    assert "planted" not in guarded.snippet
    assert said("llm", GUARDED)[0]["api_key_name"] == "oca"
    assert "llm keys set oca" in guarded.notes[0].en


def test_cline_gets_a_command_that_a_shell_takes_apart_again() -> None:
    line = recipe("cline", GUARDED).snippet.splitlines()[1]
    assert shlex.split(line)[:4] == ["cline", "auth", "-p", "openai-compatible"]
    assert shlex.split(line)[5] == GUARDED.api_key


def test_open_webui_is_reached_from_a_container_by_the_hosts_name() -> None:
    here = recipe("open-webui", GUARDED)
    assert "http://host.docker.internal:8000/v1" in here.snippet
    assert "OCA_HOST=0.0.0.0" in here.notes[0].en
    away = recipe("open-webui", Gateway(base_url="https://gw.example.com/v1", model="m"))
    assert "host.docker.internal" not in away.snippet


@pytest.mark.parametrize("name", ["openai", "langchain"])
@pytest.mark.parametrize("gateway", [OPEN, GUARDED])
def test_programs_get_python_that_parses(name: str, gateway: Gateway) -> None:
    snippet = recipe(name, gateway).snippet
    python = "\n".join(line for line in snippet.splitlines() if not line.startswith("export "))
    assert gateway.base_url in {node.value for node in ast.walk(ast.parse(python)) if isinstance(node, ast.Constant)}


def test_variables_of_the_environment_move_the_files() -> None:
    assert file_of("codex") == HOME / ".codex/config.toml"
    assert file_of("codex", CODEX_HOME="/c") == Path("/c/config.toml")
    assert file_of("claude-code") == HOME / ".claude/settings.json"
    assert file_of("claude-code", CLAUDE_CONFIG_DIR="/c") == Path("/c/settings.json")
    assert file_of("aider") == HOME / ".aider.conf.yml"
    assert file_of("continue") == HOME / ".continue/config.yaml"
    assert file_of("continue", CONTINUE_GLOBAL_DIR="/c") == Path("/c/config.yaml")
    assert file_of("opencode") == HOME / ".config/opencode/opencode.json"
    assert file_of("opencode", XDG_CONFIG_HOME="/x") == Path("/x/opencode/opencode.json")


def test_the_folder_of_llm_is_the_platforms() -> None:
    name = "extra-openai-models.yaml"
    assert file_of("llm", LLM_USER_PATH="/l") == Path("/l") / name
    assert file_of("llm") == HOME / ".config/io.datasette.llm" / name
    assert file_of("llm", platform="darwin") == HOME / "Library/Application Support/io.datasette.llm" / name
    assert file_of("llm", platform="win32") == HOME / "AppData/Roaming/io.datasette.llm" / name
    assert file_of("llm", platform="win32", APPDATA="/a") == Path("/a/io.datasette.llm") / name


@pytest.mark.parametrize("name", EVERY)
def test_no_repr_shows_the_key(name: str) -> None:
    found = recipe(name, GUARDED)
    assert "planted" not in repr(GUARDED)
    # An edit holds the key, and is printed by nobody; what people see is the recipe's text.
    assert "planted" not in repr(found.notes + found.warnings)


@pytest.mark.parametrize("name", EVERY)
def test_whoever_has_no_file_says_what_to_do_instead(name: str) -> None:
    found = recipe(name)
    assert (found.no_edit is not None) == (found.edit is None or not found.edit.paths)
    assert found.edit is None or found.edit.format is not Format.ENV or name == "openai"


@pytest.mark.parametrize("name", EVERY)
def test_every_word_is_said_in_both_languages(name: str) -> None:
    found = recipe(name, GUARDED)
    texts = [*found.notes, *found.warnings, *([] if found.no_edit is None else [found.no_edit])]
    assert [text for text in texts if text.en == text.zh] == []
