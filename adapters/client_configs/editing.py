"""Editing of a client's configuration, whatever its format: what came out is read again before it is handed on."""

import re
from enum import Enum
from typing import cast

from adapters.client_configs.changes import Changes, Value, changed, refused
from adapters.client_configs.json_edit import edit_json, read_json
from adapters.client_configs.toml_edit import edit_toml, read_toml
from adapters.client_configs.yaml_edit import edit_yaml, read_yaml
from domain.words import Text

_BOM = "\ufeff"


class Format(Enum):
    """How a configuration is written. ENV is a `.env` file, which `adapters.token_store.env_text` edits."""

    JSON = "json"
    TOML = "toml"
    YAML = "yaml"
    ENV = "env"


_READ = {Format.JSON: read_json, Format.TOML: read_toml, Format.YAML: read_yaml}
_EDIT = {Format.JSON: edit_json, Format.TOML: edit_toml, Format.YAML: edit_yaml}


def read(form: Format, text: str) -> Value:
    """What a text says. Raises ClientConfigError."""
    return _READ[form](text.removeprefix(_BOM))


def edited(form: Format, text: str, changes: Changes) -> str:
    """The text with these changes, and all else in it as it was. Raises ClientConfigError."""
    mark = _BOM if text.startswith(_BOM) else ""
    body = text.removeprefix(_BOM)
    present = read(form, body)
    wanted = changed(present, changes)
    if wanted == present:
        return text
    # One sort of line ends inside; a file that had the other one throughout gets it back.
    plain = body.replace("\r\n", "\n")
    result = _EDIT[form](plain if _is_crlf(body) else body, changes)
    if not _same(read(form, result), wanted):
        raise refused(
            form.name,
            Text(
                "it is written in a way that cannot be edited without harm; put it in by hand, as it is printed "
                "without --write.",
                "它的写法无法安全地自动编辑，请参照不带 --write 时打印的内容手工填写。",
            ),
        )
    return mark + (result.replace("\n", "\r\n") if _is_crlf(body) else result)


def _is_crlf(text: str) -> bool:
    return "\r\n" in text and not re.search(r"(?<!\r)\n|\r(?!\n)", text)


def _same(found: Value, wanted: Value) -> bool:
    """Equal; an empty list and an empty object may have become nothing at all."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        one, other = cast("dict[str, Value]", found), cast("dict[str, Value]", wanted)
        return one.keys() <= other.keys() and all(_same(one.get(key, []), other[key]) for key in other)
    return found == wanted or (found in (None, []) and wanted in ([], {}))
