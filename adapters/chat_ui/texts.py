"""The languages of the page, and which one a person gets."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from adapters.chat_ui.catalogue import Advice, Texts
from adapters.chat_ui.texts_en import ENGLISH
from adapters.chat_ui.texts_zh import CHINESE

__all__ = ["CATALOGUE", "CHINESE", "ENGLISH", "Advice", "Language", "Texts", "as_code", "language_for"]

Language = Literal["en", "zh"]

CATALOGUE: Mapping[Language, Texts] = MappingProxyType({"en": ENGLISH, "zh": CHINESE})


def language_for(wanted: str | None, browser_locale: str | None) -> Language:
    """The language asked for in the address, else the browser's (a tag of RFC 5646 such as `zh-CN`), else English."""
    for tag in (wanted, browser_locale):
        match (tag or "").lower().replace("_", "-").split("-")[0]:
            case "zh":
                return "zh"
            case "en":
                return "en"
            case _:
                continue
    return "en"


def as_code(name: str) -> str:
    """A foreign name as Markdown that shows it letter by letter."""
    return "`" + name.replace("`", "'") + "`"
