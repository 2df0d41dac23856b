"""Every error that is raised on purpose speaks every language: no message is a plain string."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import OCAError
from domain.words import Text

ROOT = Path(__file__).parents[1]
ROOMS = ("domain", "ports", "adapters", "config", "entrypoints")
# Words of others, which are what they are: of the library that checks a query, and of one that has read a body.
REVIEWED = {("adapters/http_api/app.py", "f\"{param}: {first['msg']}.\"")}


def files() -> list[Path]:
    paths = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    # The sandbox plays servers of others, which speak their own language.
    return [path for path in paths if "sandbox" not in path.parts]


def kinds(root: type[OCAError]) -> Iterator[type[OCAError]]:
    yield root
    for kind in root.__subclasses__():
        yield from kinds(kind)


def names_of_errors() -> frozenset[str]:
    """The errors by name, those of the rooms included that define some of their own."""
    for module in ("adapters.token_store.vault", *_modules_of("domain")):
        importlib.import_module(module)
    return frozenset(kind.__name__ for kind in kinds(OCAError) if takes_a_message(kind))


def takes_a_message(kind: type[OCAError]) -> bool:
    """Whether an error is given its words; some make them of a name or a number."""
    first = next(iter(inspect.signature(kind).parameters), "")
    return first in ("message", "problems")


def _modules_of(package: str) -> list[str]:
    found = importlib.import_module(package)
    return [f"{package}.{module.name}" for module in pkgutil.iter_modules(found.__path__)]


def plain_messages(path: Path, errors: frozenset[str]) -> list[str]:
    """What an error is made of in this file that is a plain string, as it is written there."""
    found: list[str] = []
    tree = ast.parse(path.read_bytes())
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in errors:
            found += [ast.unparse(each) for each in call.args if is_plain(each)]
    return found


def is_plain(node: ast.expr) -> bool:
    """Whether an expression is a string on the face of it."""
    match node:
        case ast.JoinedStr() | ast.Constant(value=str()):
            return True
        case ast.Call(func=ast.Name(id="str")):
            return True
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return is_plain(left) and is_plain(right)
        case ast.IfExp(body=first, orelse=second):
            return is_plain(first) or is_plain(second)
        case _:
            return False


def test_no_error_is_raised_with_a_plain_string() -> None:
    errors = names_of_errors()
    found = {
        (path.relative_to(ROOT).as_posix(), message) for path in files() for message in plain_messages(path, errors)
    }
    assert found - REVIEWED == set()
    assert found == REVIEWED, "what is reviewed and no longer there goes"


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_chinese_is_chinese_and_english_is_not(path: Path) -> None:
    """Of texts that are written out: the first is of ASCII, the second has Chinese in it or no words at all."""
    for call in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == Text.__name__:
            written = [literal(each) for each in call.args]
            if len(written) == 2 and None not in written:
                en, zh = str(written[0]), str(written[1])
                assert not has_chinese(en), en
                assert has_chinese(zh) or not any(len(word) > 3 and word.isalpha() for word in zh.split()), zh


def literal(node: ast.expr) -> str | None:
    """The letters of a string as it is written; None for what is none."""
    match node:
        case ast.Constant(value=str(words)):
            return words
        case ast.JoinedStr(values=parts):
            return "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
        case _:
            return None


def has_chinese(words: str) -> bool:
    return any("\u4e00" <= char <= "\u9fff" for char in words)
