"""The documents are true: what there is they name, what they name there is, and their examples run."""

import ast
import io
import re
import runpy
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
from dotenv import dotenv_values
from pydantic import SecretStr
from typer.core import TyperGroup

from adapters.token_store.managed_keys import MANAGED_KEYS
from config.environment import ENV_FILE_KEY
from config.settings import Settings
from entrypoints.cli import app
from tests.entrypoints.stack import stack

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
README_ZH = ROOT / "README.zh-CN.md"
READMES = [README, README_ZH]
TROUBLE = {README: "When something goes wrong", README_ZH: "出错时"}
DOCUMENTS = [*READMES, *sorted((ROOT / "docs").glob("*.md"))]
ENV_EXAMPLE = ROOT / ".env.example"
CODE = ("adapters", "config", "domain", "entrypoints")

_NO_KEYS_OF_THE_FILE = {"env_file", "seed_refresh_token"}
SETTINGS = {name.upper(): field for name, field in Settings.model_fields.items() if name not in _NO_KEYS_OF_THE_FILE}
KEYS_OF_THE_FILE = {*SETTINGS, *MANAGED_KEYS}
KEYS = {*KEYS_OF_THE_FILE, ENV_FILE_KEY}


def by_name(path: Path) -> str:
    return path.name


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def rows(path: Path) -> list[list[str]]:
    """The cells of every table row whose first cell begins with code."""
    lines = [line for line in text_of(path).splitlines() if line.startswith("| `")]
    # A bar within code is written \| in a table.
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def settings_rows(path: Path) -> list[list[str]]:
    return [row for row in rows(path) if codes(row[0])[0] in KEYS]


def names_in(path: Path) -> set[str]:
    return set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", text_of(path)))


def examples(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(path), re.MULTILINE | re.DOTALL)


def example_with(path: Path, language: str, words: str) -> str:
    return next(example for example in examples(path, language) if words in example)


@pytest.mark.parametrize("document", READMES, ids=by_name)
def test_every_setting_has_its_row(document: Path) -> None:
    told = [key for row in settings_rows(document) for key in codes(row[0])]
    assert sorted(told) == sorted(KEYS)


@pytest.mark.parametrize("document", READMES, ids=by_name)
def test_the_defaults_told_are_the_defaults(document: Path) -> None:
    told: dict[str, str] = {}
    for row in settings_rows(document):
        told |= dict(zip(codes(row[0]), codes(row[1]), strict=False))
    told.pop(ENV_FILE_KEY)
    assert told == {key: in_words(field.default) for key, field in SETTINGS.items() if field.default not in (None, ())}


def in_words(default: object) -> str:
    match default:
        case bool():
            return str(default).lower()
        case float():
            return f"{default:g}"
        case SecretStr():
            return default.get_secret_value()
        case _:
            return str(default)


def test_every_key_of_the_file_stands_in_its_example() -> None:
    assert set(re.findall(r"^#?([A-Z_]+)=", text_of(ENV_EXAMPLE), re.MULTILINE)) == KEYS_OF_THE_FILE


def test_what_the_example_of_the_file_has_commented_out_are_the_defaults() -> None:
    uncommented = io.StringIO(re.sub(r"^#(?=[A-Z_]+=)", "", text_of(ENV_EXAMPLE), flags=re.MULTILINE))
    written = {key: value for key, value in dotenv_values(stream=uncommented).items() if value}
    # The one value that is an example: there is no proxy by default.
    del written["HTTP_PROXY_URL"]
    assert written == {key: in_words(SETTINGS[key].default) for key in written}


@pytest.mark.parametrize("document", READMES, ids=by_name)
def test_the_keys_to_fill_in_stand_first_in_the_example(document: Path) -> None:
    first_step = text_of(document).partition("\n1. ")[2].partition("\n2. ")[0]
    to_fill_in = [code for code in codes(first_step) if code in KEYS]
    assert re.findall(r"^([A-Z_]+)=", text_of(ENV_EXAMPLE), re.MULTILINE)[: len(to_fill_in)] == to_fill_in != []


def test_both_languages_name_the_same_things() -> None:
    assert names_in(README) == names_in(README_ZH)
    named = [[codes(row[0]) for row in rows(each) if row not in trouble_rows(each)] for each in READMES]
    assert named[0] == named[1]
    assert [codes(row[1]) for row in settings_rows(README)] == [codes(row[1]) for row in settings_rows(README_ZH)]
    assert len(examples(README, "bash")) == len(examples(README_ZH, "bash"))
    assert examples(README, "python")[1:] == examples(README_ZH, "python")[1:]


@pytest.mark.parametrize("document", READMES, ids=by_name)
def test_every_command_is_told_with_its_options_and_no_others(document: Path) -> None:
    told = {name_in(cell): options_in(cell) for row in rows(document) for cell in codes(row[0])[:1] if is_oca(cell)}
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    there = {
        name: {option for each in command.params for option in each.opts if option.startswith("--")}
        for name, command in commands_in(group)
    }
    assert {name: options for name, options in told.items() if not name.startswith("-")} == there
    roots = {option for each in group.params for option in each.opts} | {"--help"}
    first_cells = [row[0] for row in rows(document) if codes(row[0])[0].startswith("oca --")]
    assert {option for cell in first_cells for option in options_in(cell)} == roots


def commands_in(group: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Every command below a group by its name, those of other groups in it included: `config set`."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_in(command, f"{above}{name} ")
        else:
            yield above + name, command


def name_in(cell: str) -> str:
    """The name of the command in `oca config set [KEY=VALUE...] [--yes]`."""
    return cell.removeprefix("oca ").partition("[")[0].strip()


def is_oca(cell: str) -> bool:
    return cell.startswith("oca ")


def options_in(cell: str) -> set[str]:
    return set(re.findall(r"--[a-z-]+", cell))


@pytest.mark.parametrize("document", DOCUMENTS, ids=by_name)
def test_every_link_and_every_file_named_is_there(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text_of(document))
    files = re.findall(r"`((?:[\w.-]+/)+[\w.-]+\.\w+)`", text_of(document))
    assert [link for link in links if not (document.parent / link).exists()] == []
    # The architecture names the files of an adapter within its room.
    assert [file for file in files if not any((place / file).exists() for place in (ROOT, ROOT / "adapters"))] == []


@cache
def messages_in_the_code() -> tuple[str, ...]:
    """Every string in the code; what a formatted one fills in is a NUL."""
    found: list[str] = []
    for room in CODE:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_bytes())):
                match node:
                    case ast.JoinedStr(values=parts):
                        found.append(
                            "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in parts)
                        )
                    case ast.Constant(value=str(words)):
                        found.append(words)
                    case _:
                        pass
    return tuple(found)


@pytest.mark.parametrize("document", READMES, ids=by_name)
def test_every_message_quoted_is_one_of_the_code(document: Path) -> None:
    quoted = [message for row in trouble_rows(document) for message in codes(row[0])]
    assert len(quoted) > 15
    assert [message for message in quoted if not is_said(message)] == []


def test_both_languages_quote_the_same_messages_each_in_its_own_words() -> None:
    english, chinese = trouble_rows(README), trouble_rows(README_ZH)
    assert [len(codes(row[0])) for row in english] == [len(codes(row[0])) for row in chinese]
    quoted = [zh for en, zh in zip(english, chinese, strict=True) if codes(en[0]) != codes(zh[0])]
    assert [row for row in quoted if not re.search("[\u4e00-\u9fff]", codes(row[0])[0])] == []
    # What stands in the log alone is English.
    assert len(english) - len(quoted) == 2


@cache
def trouble_rows(path: Path) -> list[list[str]]:
    """The rows of the table of messages."""
    trouble = text_of(path).partition(f"\n## {TROUBLE[path]}\n")[2].partition("\n## ")[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in trouble.splitlines() if line.startswith("| `")]


def is_said(message: str) -> bool:
    """Whether the pieces between the dots stand in one string of the code, in this order."""
    pieces = ".*".join(re.escape(piece) for piece in message.split("…"))
    return any(re.search(pieces, said, re.DOTALL) for said in messages_in_the_code())


@pytest.mark.parametrize("document", [README, *DOCUMENTS[2:]], ids=by_name)
def test_lines_of_prose_fit_a_screen(document: Path) -> None:
    assert [line for line in text_of(document).splitlines() if len(line) > 120 and not line.startswith("|")] == []


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory in which nothing of the tester's own account and network counts."""
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("document", READMES, ids=by_name)
def test_the_python_examples_run_as_they_are_printed(document: Path, folder: Path) -> None:
    with stack(folder) as running:
        for number, example in enumerate(examples(document, "python")):
            script = folder / f"example_{number}.py"
            script.write_text(example.replace("http://127.0.0.1:8000", running.url), encoding="utf-8")
            with redirect_stdout(io.StringIO()) as printed:
                runpy.run_path(str(script))
            if "stream=True" in example:
                assert running.sandbox.default_model in printed.getvalue()
                # The sandbox repeats what it was asked.
                assert question_in(example) in printed.getvalue()


def question_in(example: str) -> str:
    found = re.search(r'"content": "([^"]+)"', example)
    assert found is not None
    return found[1]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
@pytest.mark.parametrize("document", READMES, ids=by_name)
def test_the_curl_example_runs_as_it_is_printed(document: Path, folder: Path) -> None:
    example = example_with(document, "bash", "/v1/chat/completions")
    with stack(folder) as running:
        line = example.replace("\\\n", "").replace("http://127.0.0.1:8000", running.url)
        result = subprocess.run(shlex.split(line), capture_output=True, text=True, check=True, timeout=30)
    assert result.stdout.endswith("data: [DONE]\n\n")
