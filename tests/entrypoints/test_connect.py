"""`oca connect` as a person runs it: what it prints, what it writes, and that it can all be taken back."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.client_configs.clients import CLIENTS
from entrypoints.client_files import record_of
from tests.entrypoints.client_machine import WITH_FILE, Machine
from tests.entrypoints.stack import Stack

WITHOUT_FILE = ("langchain", "cline", "open-webui", "openai")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_a_client_all_of_them_are_listed(machine: Machine) -> None:
    listed = machine.oca("connect")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(CLIENTS)
    machine.write("codex")
    document = json.loads(machine.oca("connect", "--json").stdout)
    assert [each["client"] for each in document["clients"] if each["connected"]] == ["codex"]
    assert "(connected)" in machine.oca("connect").stdout


@pytest.mark.parametrize("client", CLIENTS)
def test_the_configuration_names_the_gateways_address_and_model(machine: Machine, client: str) -> None:
    with machine.env_file.open("a") as file:
        file.write("OCA_PORT=9123\nOCA_HOST=0.0.0.0\n")
    printed = machine.oca("connect", client)
    assert printed.exit_code == 0
    assert ":9123" in printed.stdout
    assert "model-1" in printed.stdout or client == "open-webui"
    document = json.loads(machine.oca("connect", client, "--json").stdout)
    assert document["configuration"] == printed.stdout
    assert document["base_url"] == "http://127.0.0.1:9123/v1"


def test_model_and_address_can_be_named(machine: Machine) -> None:
    words = ("--model", "other", "--base-url", "https://gw.example.com/v1/", "--json")
    document = json.loads(machine.oca("connect", "aider", *words).stdout)
    assert (document["base_url"], document["model"]) == ("https://gw.example.com/v1", "other")


def test_an_address_of_the_newer_protocol_stands_in_brackets(machine: Machine) -> None:
    for host, shown in (("::", "[::1]"), ("::1", "[::1]"), ("fe80::1", "[fe80::1]")):
        document = json.loads(machine.oca("connect", "aider", "--json", OCA_HOST=host).stdout)
        assert document["base_url"] == f"http://{shown}:8000/v1"


def test_on_a_fresh_machine_the_sandboxs_model_is_named(machine: Machine) -> None:
    machine.env_file.unlink()
    assert json.loads(machine.oca("connect", "aider", "--json").stdout)["model"] == "sandbox-chat"


@pytest.mark.parametrize(
    ("words", "environ", "code", "told"),
    [
        (("codx",), {}, 2, "Did you mean codex"),
        (("nothing-like-it",), {}, 2, "open-webui"),
        (("codex", "--write", "--undo"), {}, 2, "Choose one"),
        (("codex", "--write"), {}, 2, "--yes"),
        (("codex", "--base-url", "nonsense"), {}, 2, "--base-url takes an address"),
        (("codex",), {"OCA_PORT": "0"}, 2, "--base-url URL"),
        (("codex",), {"OCA_PORT": "x"}, 3, "OCA_PORT"),
        (("codex", "--undo", "--yes"), {}, 1, "nothing to undo"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_cannot_be_meant_is_one_line_and_an_exit_code(
    *, machine: Machine, words: tuple[str, ...], environ: dict[str, str], code: int, told: str, language: str
) -> None:
    result = machine.oca("connect", *words, "--lang", language, **environ)
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in result.stderr or language == "zh"
    assert any(ord(character) > 0x2E7F for character in result.stderr) == (language == "zh")
    assert not machine.home.joinpath(".codex/config.toml").exists()


def test_a_missing_model_is_exit_code_3(machine: Machine) -> None:
    machine.env_file.write_text("LLM_API_URL=https://api.example.com/v1\n")
    result = machine.oca("connect", "codex")
    assert result.exit_code == 3
    assert "LLM_MODEL_NAME is missing" in result.stderr


@pytest.mark.parametrize("client", WITHOUT_FILE)
def test_clients_without_a_file_of_their_own_refuse_to_write_and_say_what_to_do(machine: Machine, client: str) -> None:
    before = sorted(machine.home.rglob("*"))
    result = machine.oca("connect", client, "--write", "--yes")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.strip()
    assert sorted(machine.home.rglob("*")) == before


@pytest.mark.parametrize("client", WITH_FILE)
def test_a_new_file_is_private_and_gone_after_the_undo(machine: Machine, client: str) -> None:
    path = machine.file_of(client)
    machine.write(client)
    assert path.read_text() == machine.oca("connect", client).stdout
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(record_of(path).stat().st_mode) == 0o600
    assert machine.undo(client).exit_code == 0
    assert list(path.parent.glob("*.oca-backup*")) == []
    assert not path.exists()


def test_of_two_files_the_one_that_exists_is_edited(machine: Machine) -> None:
    folder = machine.home / ".config/opencode"
    folder.mkdir(parents=True)
    (folder / "opencode.jsonc").write_text("{ /* mine */ }")
    machine.write("opencode")
    assert [path.name for path in folder.iterdir() if "backup" not in path.name] == ["opencode.jsonc"]
    assert "/* mine */" in (folder / "opencode.jsonc").read_text()


def test_a_file_that_would_put_another_one_out_of_use_is_not_made(machine: Machine) -> None:
    (machine.home / ".continue").mkdir()
    (machine.home / ".continue/config.json").write_text("{}")
    result = machine.oca("connect", "continue", "--write", "--yes")
    assert result.exit_code == 1
    assert "config.json" in result.stderr
    assert not (machine.home / ".continue/config.yaml").exists()


def test_the_key_is_written_said_and_shown_in_no_difference(machine: Machine) -> None:
    with machine.env_file.open("a") as file:
        file.write("OCA_API_KEYS=planted-key,other\n")
    printed = machine.oca("connect", "opencode")
    assert "planted-key" in printed.stdout
    assert "treat it as a secret" in printed.stderr
    path = machine.file_of("opencode")
    path.parent.mkdir(parents=True)
    path.write_text('{"provider": {"x": {"options": {"apiKey": "planted-other"}}}}')
    path.chmod(0o644)
    written = machine.write("opencode")
    assert "planted" not in written.stderr
    assert "chmod 600" in written.stderr
    assert "planted" not in machine.undo("opencode").stderr


def test_a_file_of_ones_own_is_named(machine: Machine) -> None:
    path = machine.home / "program.env"
    path.write_text("# mine\nA=1\n")
    words = ("--file", str(path))
    document = json.loads(machine.write("openai", *words, "--json").stdout)
    assert (document["file"], document["changed"]) == (str(path), True)
    assert path.read_text() == "# mine\nA=1\nOPENAI_BASE_URL=http://127.0.0.1:8000/v1\nOPENAI_API_KEY=any\n"
    with path.open("a") as file:
        file.write("B=2\n")
    assert machine.undo("openai", *words).exit_code == 1
    path.write_text(path.read_text().replace("B=2\n", ""))
    assert json.loads(machine.undo("openai", *words, "--json").stdout)["changed"] is True
    assert path.read_text() == "# mine\nA=1\n"


def test_undo_needs_no_settings(machine: Machine) -> None:
    machine.write("codex")
    machine.env_file.write_text("OCA_PORT=nonsense\n")
    assert machine.undo("codex").exit_code == 0


def test_a_folder_that_cannot_be_written_is_said(machine: Machine) -> None:
    (machine.home / ".codex").write_text("a file where a folder should be")
    result = machine.oca("connect", "codex", "--write", "--yes")
    assert result.exit_code == 1
    assert "Check the permissions" in result.stderr


def test_the_missing_dialects_are_named_as_long_as_they_are_missing(machine: Machine, running: Stack) -> None:
    for client, route in (("codex", "/v1/responses"), ("claude-code", "/v1/messages")):
        warned = f"POST {route}, which this gateway does not serve yet" in machine.oca("connect", client).stderr
        with running.client() as http:
            assert warned == (http.post(route, json={}).status_code == 404)


NAMES = st.text("abcxyz_", min_size=1, max_size=5)
VALUES = st.recursive(
    st.one_of(st.text(max_size=5), st.integers(-9, 9), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(NAMES, inner, max_size=2)),
    max_leaves=5,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    document=st.dictionaries(st.one_of(NAMES, st.sampled_from(["env", "provider", "model"])), VALUES, max_size=4),
    indent=st.sampled_from([None, 2, "\t"]),
    client=st.sampled_from(["claude-code", "opencode"]),
)
def test_any_json_file_is_the_same_after_write_and_undo_or_was_left_alone(
    machine: Machine, document: dict[str, Any], indent: Any, client: str
) -> None:
    path = machine.home / "any.json"
    data = ("// mine\n" + json.dumps(document, indent=indent) + "\n").encode()
    path.write_bytes(data)
    words = ("--file", str(path))
    written = machine.oca("connect", client, "--write", "--yes", *words)
    if written.exit_code == 0:
        assert machine.undo(client, *words).exit_code == 0
    assert path.read_bytes() == data
