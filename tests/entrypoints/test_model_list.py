"""`oca models`: what the upstream tells, for people and for programs."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from domain.chat import Model, ModelFacts
from domain.words import Language
from entrypoints.console import Console
from entrypoints.model_list import models_document, models_table, show_models
from tests.entrypoints.stack import Stack, stack

CONSOLE = Console(Language.ENGLISH)
BIG = Model(
    id="vendor/big",
    facts=ModelFacts(
        name="Big",
        context_window=200_000,
        max_output_tokens=8192,
        input_price=Decimal("0.000003"),
        output_price=Decimal("0.0000150"),
        cached_price=Decimal("0.000000375"),
        supports_vision=True,
        is_reasoning=True,
        apis=("CHAT_COMPLETIONS", "RESPONSES"),
    ),
)
PLAIN = Model(id="plain")


def test_the_table_tells_what_is_known_and_marks_the_default() -> None:
    header, first, second, _, note = models_table([BIG, PLAIN], "plain", CONSOLE).splitlines()
    assert header.split("  ")[0] == "Model"
    assert first.split() == [
        *("vendor/big", "200,000", "8,192", "3.00", "15.00", "0.375"),
        *("images,", "reasoning", "CHAT_COMPLETIONS,", "RESPONSES"),
    ]
    assert second == "* plain"
    assert note == "* the default (LLM_MODEL_NAME)"


def test_of_what_nothing_is_known_there_is_no_column_and_of_an_unknown_default_no_mark() -> None:
    assert models_table([PLAIN], "other", CONSOLE).splitlines() == ["Model", "  plain"]


def test_the_table_speaks_chinese() -> None:
    told = models_table([BIG], "vendor/big", Console(Language.CHINESE))
    assert "上下文" in told
    assert "图片" in told
    assert "默认模型" in told


def test_the_document_has_every_key_for_every_model_and_prices_per_million() -> None:
    document = json.loads(json.dumps(models_document([BIG, PLAIN], "plain")))
    big, plain = document["models"]
    assert big.keys() == plain.keys()
    assert (big["input_price_per_million"], big["output_price_per_million"]) == (3.0, 15.0)
    assert (big["default"], plain["default"], document["default_is_listed"]) == (False, True, True)
    assert {key for key, value in plain.items() if value is None} == {
        *("name", "context_window", "max_output_tokens", "input_price_per_million", "output_price_per_million"),
        *("cached_price_per_million", "caching_price_per_million", "supports_vision", "is_reasoning"),
    }


def test_what_a_model_calls_itself_cannot_steer_a_terminal() -> None:
    evil = replace(BIG, id="a\x1b[31m\nb", facts=ModelFacts(apis=("X\x07",)))
    assert not {"\x1b", "\x07"} & set(models_table([evil], "", CONSOLE))


def test_the_list_comes_from_the_upstream_behind_the_login(running: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    show_models(running.container, CONSOLE, as_json=True)
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert {each["id"]: each["default"] for each in document["models"]}["sandbox-chat"] is True
    assert told.err == ""


def test_a_default_that_is_not_listed_is_warned_of_with_the_nearest_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with stack(tmp_path, LLM_MODEL_NAME="sandbox-chap") as running:
        show_models(running.container, CONSOLE, as_json=False)
        show_models(running.container, Console(Language.CHINESE), as_json=False)
    told = capsys.readouterr()
    assert "LLM_MODEL_NAME is sandbox-chap, which is not in this list. Did you mean sandbox-chat" in told.err
    assert "您要的是不是 sandbox-chat" in told.err
    assert "*" not in told.out


def test_without_an_address_the_default_alone_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with stack(tmp_path, LLM_MODELS_API_URL="") as running:
        show_models(running.container, CONSOLE, as_json=False)
    told = capsys.readouterr()
    assert told.out.startswith("Model\n* ")
    assert "LLM_MODELS_API_URL is not set" in told.err
