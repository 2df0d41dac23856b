"""What `oca connect --write` wrote can be taken back, to the byte, or is left alone with a reason."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from entrypoints.client_files import backup_of, record_of
from tests.entrypoints.client_machine import WITH_FILE, Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


BEFORE = {
    "codex": '# mine\nmodel = "gpt"  # kept\n\n[profiles.x]\na = 1\n[projects."/a"]\ntrust_level = "trusted"\n',
    "claude-code": '{\n    "theme": "dark",\n    "env": {"ANTHROPIC_MODEL": "opus", "A": "1"}\n}\n',
    "aider": "# mine\nmodel:   sonnet   # the best\nread: [a.md,  b.md]\n",
    "continue": "name: Mine\nversion: 1\nschema: v1\nmodels:\n  - name: one # first\n    provider: x\n\nrules:\n- be\n",
    "opencode": '// mine\n{\n\t"theme": "x", // dark\n\t"provider": {\n\t\t"other": {},\n\t},\n}\n',
    "llm": "# mine\n- model_id: x\n  model_name: y   # z\n",
}


@pytest.mark.parametrize("client", WITH_FILE)
def test_write_keeps_the_rest_and_undo_gives_the_same_bytes_back(machine: Machine, client: str) -> None:
    path = machine.file_of(client)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(BEFORE[client].encode())
    path.chmod(0o640)
    machine.write(client)
    written = path.read_bytes()
    assert backup_of(path).read_bytes() == BEFORE[client].encode()
    assert stat.S_IMODE(backup_of(path).stat().st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert machine.write(client).stderr.count("nothing was changed") == 1
    assert path.read_bytes() == written
    machine.write(client, "--model", "model-2")
    assert machine.undo(client).exit_code == 0
    assert path.read_bytes() == BEFORE[client].encode()
    assert list(path.parent.glob("*.oca-backup*")) == []


@pytest.mark.parametrize("client", WITH_FILE)
def test_undo_takes_only_our_part_from_a_file_that_has_been_changed_since(machine: Machine, client: str) -> None:
    path = machine.file_of(client)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(BEFORE[client].encode())
    machine.write(client)
    comment = {"opencode": "// later\n", "claude-code": "// later\n"}.get(client, "# later\n")
    path.write_text(comment + path.read_text())
    # A second write does not make the changed file the one to go back to.
    machine.write(client, "--model", "model-2")
    assert machine.undo(client).exit_code == 0
    assert path.read_text() == comment + BEFORE[client]


def test_undo_leaves_alone_what_the_person_has_set_since(machine: Machine) -> None:
    path = machine.file_of("aider")
    machine.write("aider")
    path.write_text(path.read_text().replace("openai/model-1", "mine"))
    assert machine.undo("aider").exit_code == 0
    assert path.read_text() == "model: mine\n"


def broken(path: Path) -> None:
    path.write_text("[broken")


def without_its_backup(path: Path) -> None:
    path.write_text("a = 1")
    backup_of(path).unlink()


@pytest.mark.parametrize("damage", [broken, without_its_backup])
def test_undo_refuses_where_our_part_cannot_be_told(machine: Machine, damage: Callable[[Path], None]) -> None:
    path = machine.file_of("codex")
    path.parent.mkdir()
    path.write_text(BEFORE["codex"])
    machine.write("codex")
    damage(path)
    damaged = path.read_bytes()
    result = machine.undo("codex")
    assert result.exit_code == 1
    assert "oca-backup" in result.stderr
    assert path.read_bytes() == damaged


@pytest.mark.parametrize(("client", "text"), [("codex", "x = "), ("aider", "{a"), ("opencode", "{"), ("codex", "\xff")])
def test_a_file_that_cannot_be_read_is_left_as_it_is(machine: Machine, client: str, text: str) -> None:
    path = machine.file_of(client)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("latin-1"))
    result = machine.oca("connect", client, "--write", "--yes")
    assert result.exit_code == 1
    assert str(path) in result.stderr
    assert path.read_bytes() == text.encode("latin-1")
    assert not record_of(path).exists()


def test_a_link_stays_a_link(machine: Machine) -> None:
    real = machine.home / "dotfiles" / "aider.yml"
    real.parent.mkdir()
    real.write_text(BEFORE["aider"])
    path = machine.file_of("aider")
    path.symlink_to(real)
    machine.write("aider")
    assert path.is_symlink()
    assert "openai/model-1" in real.read_text()
    machine.undo("aider")
    assert path.is_symlink()
    assert real.read_text() == BEFORE["aider"]
