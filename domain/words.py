"""What people read, in every language that this program speaks."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Self


class Language(Enum):
    """The languages, by their codes in BCP 47."""

    ENGLISH = "en"
    CHINESE = "zh"

    @classmethod
    def named(cls, tag: str | None) -> "Language | None":
        """The language of a tag or a locale (`zh`, `zh-Hans-CN`, `zh_CN.UTF-8`); None for others and for none."""
        start = (tag or "").strip().lower().replace("_", "-").partition(".")[0].partition("-")[0]
        return next((each for each in cls if each.value == start), None)


@dataclass(frozen=True, slots=True)
class Text:
    """The same thing said in each language. As a `str` it is the English one, which goes into logs and tracebacks."""

    en: str
    zh: str

    @classmethod
    def of(cls, words: "str | Text") -> "Text":
        """These words as a text; a plain string (a name, a number, what a server said) is the same in all languages."""
        return words if isinstance(words, Text) else cls(words, words)

    def told_in(self, language: Language) -> str:
        return self.zh if language is Language.CHINESE else self.en

    def without_end(self) -> Self:
        """The text without the stop at its end, to go on after it."""
        return type(self)(self.en.rstrip("."), self.zh.rstrip("。."))

    def __bool__(self) -> bool:
        """Whether anything is said."""
        return bool(self.en)

    def __str__(self) -> str:
        return self.en

    def __add__(self, other: "str | Text") -> Self:
        more = Text.of(other)
        return type(self)(self.en + more.en, self.zh + more.zh)


def joined(texts: "Iterable[str | Text]", separator: "str | Text" = "\n") -> Text:
    """The texts as one."""
    parts, between = [Text.of(each) for each in texts], Text.of(separator)
    return Text(between.en.join(each.en for each in parts), between.zh.join(each.zh for each in parts))
