import re
from collections.abc import Iterator
from dataclasses import fields
from string import Formatter

import pytest

from adapters.chat_ui.attachments import AttachmentProblem
from adapters.chat_ui.texts import CATALOGUE, CHINESE, ENGLISH, Texts, as_code, language_for
from domain.conversation import TroubleKind

HAN = re.compile(r"[\u4e00-\u9fff]")


def strings(texts: Texts) -> Iterator[tuple[str, str]]:
    for field in fields(texts):
        value = getattr(texts, field.name)
        if isinstance(value, str):
            yield field.name, value
    for problem, words in texts.file_problems.items():
        yield problem.name, words
    for kind, advice in texts.advice.items():
        yield f"{kind.name}.what", advice.what
        yield f"{kind.name}.next_step", advice.next_step


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def names_in_code(text: str) -> set[str]:
    return set(re.findall(r"`[^`]+`", text))


@pytest.mark.parametrize("texts", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_no_string_is_blank_and_every_trouble_has_advice(texts: Texts) -> None:
    assert all(text.strip() for _, text in strings(texts))
    assert set(texts.advice) == set(TroubleKind)
    assert set(texts.file_problems) == set(AttachmentProblem)


def test_every_string_has_the_same_placeholders_and_names_in_both_languages() -> None:
    english, chinese = dict(strings(ENGLISH)), dict(strings(CHINESE))
    assert english.keys() == chinese.keys()
    for name, text in english.items():
        assert placeholders(text) == placeholders(chinese[name]), name
        assert names_in_code(text) == names_in_code(chinese[name]), name


def test_each_catalogue_is_written_in_its_own_language() -> None:
    assert [name for name, text in strings(CHINESE) if not HAN.search(text)] == []
    assert [name for name, text in strings(ENGLISH) if HAN.search(text)] == []


@pytest.mark.parametrize(
    ("wanted", "browser", "language"),
    [
        (None, "zh-CN", "zh"),
        (None, "zh_TW", "zh"),
        (None, "ZH", "zh"),
        (None, "en-GB", "en"),
        (None, "fr-FR", "en"),
        (None, None, "en"),
        ("zh", "en-US", "zh"),
        ("en", "zh-CN", "en"),
        ("nonsense", "zh-CN", "zh"),
        ("", "zh-CN", "zh"),
    ],
)
def test_the_address_decides_the_language_and_then_the_browser(
    wanted: str | None, browser: str | None, language: str
) -> None:
    assert language_for(wanted, browser) == language


def test_a_foreign_name_cannot_leave_its_code_span() -> None:
    assert as_code("a`b*c*`") == "`a'b*c*'`"
