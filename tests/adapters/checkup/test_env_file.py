"""What is odd about a file or a value."""

from pathlib import Path

import pytest

from adapters.checkup.env_file import look_at_file, look_at_values
from domain.checkup import CheckState


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (found,) = look_at_file(tmp_path, known=())
    assert (found.state, found.fault) == (CheckState.FAILED, "unreadable")


@pytest.mark.parametrize(
    "value",
    ["<host>", "YOUR_API_KEY", "your-model", "changeme", "xxx", "...", "todo", "put your key here"],
)
def test_stand_ins_are_known(value: str) -> None:
    assert [check.fault for check in look_at_values({"LLM_MODEL_NAME": value})] == ["placeholder"]


@pytest.mark.parametrize(
    "value", ["gpt-4o", "yourmodel/7b", "sk-xxx1", "idp.test", "myexample.com", "https://a.b/v1?x=y"]
)
def test_what_only_resembles_one_is_none(value: str) -> None:
    assert [*look_at_values({"LLM_MODEL_NAME": value})] == []


@pytest.mark.parametrize("value", ["https://api.example.com/v1", "example.org", "http://u@example.net:1"])
def test_the_documentations_hosts_are_known(value: str) -> None:
    (found,) = look_at_values({"LLM_API_URL": value})
    assert (found.state, found.fault) == (CheckState.WARNED, "placeholder")


def test_no_value_is_repeated() -> None:
    told = repr(
        [*look_at_values({"LLM_API_KEY": "“planted”", "HTTP_PROXY_URL": "planted:1", "OAUTH_CLIENT_ID": "a planted"})]
    )
    assert "planted" not in told
