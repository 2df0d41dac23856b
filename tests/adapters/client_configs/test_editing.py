"""An edit of a configuration changes what it is meant to, and not a byte besides."""

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.client_configs.changes import ABSENT, Absent, Changes, Item, Path
from adapters.client_configs.editing import Format, edited, read
from domain.errors import ClientConfigError

COMMENTED_JSON = """// mine
{
    // a theme
    "theme": "dark", /* yes */
    "env": { "A": "1" },
    "list": [1, 2, {"x": null},],
    "last": true // not the end
    // of it
}
// bye
"""
COMMENTED_TOML = """# mine
approval_policy = "never"   # really

[profiles.fast]   # a table
model = 'x'

[[things]]
a = 1
[model_providers.other]
name = "other" # keep
"""
COMMENTED_YAML = """# mine
name:   Local   # odd blanks
models:
    # first
    - name: one
      roles: [chat,  edit]

    - name: two # the second
      text: |
        several
        lines

# the end is near
rules:
  - "be nice"
# end
"""

OURS: dict[str, Any] = {"name": "OCA", "url": "http://127.0.0.1:8000/v1", "n": 3, "more": {"x": [1, "two"]}}
JSON_CHANGES: Changes = {("env", "B"): "2", ("provider", "oca"): OURS, ("model",): "oca/m", ("theme",): "light"}
TOML_CHANGES: Changes = {("model_providers", "oca"): OURS, ("model",): "m", ("approval_policy",): "always"}
YAML_CHANGES: Changes = {("models", Item("name", "OCA")): OURS, ("model",): "openai/m", ("name",): "Mine"}
CASES = [
    (Format.JSON, COMMENTED_JSON, JSON_CHANGES),
    (Format.TOML, COMMENTED_TOML, TOML_CHANGES),
    (Format.YAML, COMMENTED_YAML, YAML_CHANGES),
]


def back(form: Format, before: str, changes: Changes) -> dict[Path, Any]:
    from adapters.client_configs.changes import value_at

    return {path: value_at(read(form, before), path) for path in changes}


def lines_lost(before: str, after: str) -> list[str]:
    left = after.splitlines()
    return [line for line in before.splitlines() if line not in left]


@pytest.mark.parametrize(("form", "text", "changes"), CASES)
def test_an_edit_keeps_every_line_that_is_not_its_own(form: Format, text: str, changes: Changes) -> None:
    after = edited(form, text, changes)
    assert len(lines_lost(text, after)) <= 3
    assert all(comment in after for comment in text.split() if "#" in comment or "//" in comment)


@pytest.mark.parametrize(("form", "text", "changes"), CASES)
def test_an_edit_done_twice_is_done_once(form: Format, text: str, changes: Changes) -> None:
    after = edited(form, text, changes)
    assert edited(form, after, changes) == after


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(("form", "text", "changes"), CASES)
def test_an_edit_taken_back_leaves_what_was_said_before(
    form: Format, text: str, changes: Changes, mark: str, newline: str
) -> None:
    text = mark + text.replace("\n", newline)
    after = edited(form, text, changes)
    assert after.startswith(mark)
    assert ("\r" in after) == (newline == "\r\n")
    assert after.count("\r") in {0, after.count("\n")}
    undone = edited(form, after, back(form, text, changes))
    for name in ("provider", "model_providers"):
        if name not in read(form, text) and name in read(form, undone):
            undone = edited(form, undone, {(name,): ABSENT})
    assert read(form, undone) == read(form, text)
    assert lines_lost(text, undone) == []


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n", "# no end"])
@pytest.mark.parametrize(("form", "changes"), [(Format.TOML, TOML_CHANGES), (Format.YAML, YAML_CHANGES)])
def test_an_empty_file_is_filled(form: Format, text: str, changes: Changes) -> None:
    after = edited(form, text, changes)
    assert text.strip() in after
    assert read(form, after)["model"]


@pytest.mark.parametrize(
    "text", ["", "{}", "{ }\n", "// nothing\n", "{\n  // nothing\n}\n", '{"a":1}', '{"a": 1,}', '{"a": {}}']
)
def test_json_of_every_style_is_filled(text: str) -> None:
    after = edited(Format.JSON, text, JSON_CHANGES)
    assert read(Format.JSON, after) == {
        **read(Format.JSON, text),
        "env": {"B": "2"},
        "provider": {"oca": OURS},
        "model": "oca/m",
        "theme": "light",
    }
    assert ("nothing" in after) == ("nothing" in text)


@pytest.mark.parametrize(
    "text",
    [
        "models: []\n",
        "models: [] # none\n",
        "models:\n",
        "models: # none\nname: x\n",
        "models: null\n",
        "models:\n- name: one\n- name: OCA\n  old: 1\n- name: three # last",
        "models:\n  -   name: OCA\n      old: 1\n",
        "name: x\nmodels:\n  - {name: one, roles: [chat]}   # flow\n",
    ],
)
def test_lists_in_yaml_of_every_style_get_the_item(text: str) -> None:
    after = edited(Format.YAML, text, {("models", Item("name", "OCA")): OURS})
    assert OURS in read(Format.YAML, after)["models"]
    assert ("# " in after) == ("# " in text)
    gone = edited(Format.YAML, after, {("models", Item("name", "OCA")): ABSENT})
    assert OURS not in (read(Format.YAML, gone)["models"] or [])


@pytest.mark.parametrize(
    "text", ["", "# mine\n", "[]\n", "- model_id: x\n  api_base: y\n", "- model_id: oca\n  api_base: y\n# end"]
)
def test_a_list_alone_in_yaml_gets_the_item(text: str) -> None:
    item = {"model_id": "oca", "model_name": "m: x"}
    after = edited(Format.YAML, text, {(Item("model_id", "oca"),): item})
    assert read(Format.YAML, after)[-1] == item
    assert ("#" in after) == ("#" in text)


@pytest.mark.parametrize(
    ("form", "text", "path"),
    [
        (Format.JSON, '{"env": 1}', ("env", "B")),
        (Format.JSON, '{"env": 1', ("env",)),
        (Format.JSON, "[1]", ("env",)),
        (Format.JSON, "{} {}", ("env",)),
        (Format.JSON, '{"a": 1 "b": 2}', ("env",)),
        (Format.JSON, '{"a": [1 2]}', ("env",)),
        (Format.JSON, '{"a" 1}', ("env",)),
        (Format.JSON, '{"a": nul}', ("env",)),
        (Format.JSON, "{a: 1}", ("env",)),
        (Format.JSON, "[" * 100_000, ("env",)),
        (Format.TOML, "x = ", ("env",)),
        (Format.TOML, "env = 1", ("env", "B")),
        (Format.YAML, "{a: 1, b", ("env",)),
        (Format.YAML, "{a: 1}", ("env",)),
        (Format.YAML, "- 1", ("env",)),
        (Format.YAML, "env: 1", ("env", Item("name", "x"))),
        (Format.YAML, "env: [{name: y}]", ("env", Item("name", "x"))),
        (Format.YAML, "a: 1\n---\nb: 2\n", ("env",)),
    ],
)
def test_what_cannot_be_edited_without_harm_is_refused_in_both_languages(form: Format, text: str, path: Path) -> None:
    with pytest.raises(ClientConfigError) as caught:
        edited(form, text, {path: {"name": "x"} if isinstance(path[-1], Item) else "x"})
    assert "Nothing was changed" in caught.value.text.en
    assert "未作任何更改" in caught.value.text.zh


KEYS = st.text("abxy-_", min_size=1, max_size=6)
SCALARS = st.one_of(st.text(max_size=8), st.integers(-9, 9), st.booleans())
PLAIN_VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, PLAIN_VALUES, max_size=5)


@settings(deadline=None)
@given(document=DOCUMENTS, indent=st.sampled_from([None, 2, 4, "\t"]), value=PLAIN_VALUES)
def test_any_json_says_the_same_once_an_edit_is_taken_back(document: dict[str, Any], indent: Any, value: Any) -> None:
    text = json.dumps(document, indent=indent)
    path: Path = ("new one", "inner")
    after = edited(Format.JSON, text, {path: value})
    assert read(Format.JSON, after) == {**document, "new one": {"inner": value}}
    assert edited(Format.JSON, after, {("new one",): ABSENT}) == text or not document


@settings(deadline=None)
@given(document=DOCUMENTS, value=PLAIN_VALUES)
def test_any_toml_is_the_same_once_an_edit_is_taken_back(document: dict[str, Any], value: Any) -> None:
    import tomlkit

    text = tomlkit.dumps(document)
    after = edited(Format.TOML, text, {("new", "inner"): {"v": value}, ("top",): "x"})
    assert tomllib.loads(after) == {**document, "new": {"inner": {"v": value}}, "top": "x"}
    assert read(Format.TOML, edited(Format.TOML, after, {("new",): ABSENT, ("top",): ABSENT})) == document


@settings(deadline=None)
@given(
    document=DOCUMENTS,
    old=st.lists(st.dictionaries(KEYS, SCALARS, min_size=1, max_size=3), max_size=3),
    value=st.text(max_size=9),
)
def test_any_yaml_is_edited_or_refused(document: dict[str, Any], old: list[Any], value: str) -> None:
    import io

    from ruamel.yaml import YAML

    writer: Any = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    stream = io.StringIO()
    writer.dump({**document, "models": old, "z": 1}, stream)
    text = "# mine\n" + stream.getvalue()
    before = read(Format.YAML, text)
    changes: dict[Path, Any | Absent] = {("models", Item("name", "OCA")): {"name": "OCA", "v": value}, ("key",): value}
    after = edited(Format.YAML, text, changes)
    assert read(Format.YAML, after) == {
        **before,
        "models": [*before["models"], {"name": "OCA", "v": value}],
        "key": value,
    }
    undone = edited(Format.YAML, after, dict.fromkeys(changes, ABSENT))
    assert undone == text or not old
