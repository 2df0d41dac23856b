"""`oca status` in Chinese, and for programs, which read the same in every language."""

import pytest

from domain.words import Language
from tests.entrypoints.test_status import document, every_kind_of_report, screen


@pytest.mark.parametrize("number", range(5))
def test_the_report_is_told_in_chinese_too(number: int) -> None:
    report = every_kind_of_report()[number]
    told = screen(report, Language.CHINESE)
    english = {"Login", "Access token", "renewal", "There is", "Refused", "Failing", "(in ", " ago)", "took", "fine"}
    assert [words for words in english if words in told] == []
    assert told.startswith("登录")
    for trouble in document(report, Language.CHINESE)["troubles"]:
        assert trouble in told


def test_only_the_words_for_people_depend_on_the_language() -> None:
    for report in every_kind_of_report():
        english, chinese = document(report), document(report, Language.CHINESE)
        assert english | {"troubles": None} == chinese | {"troubles": None}
