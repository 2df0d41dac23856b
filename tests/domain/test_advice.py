"""What is said of a failed exchange: a next step of its own for each cause, in every language."""

import errno
import os
from datetime import timedelta

import pytest

from domain.advice import PROXY_CAUSES, TOKEN_ADDRESS, UPSTREAM_ADDRESS, next_step
from domain.errors import Cause, NotConnectedError, UpstreamTimeoutError, UpstreamUnreachableError
from domain.routes import combined
from domain.system_words import system_words
from domain.upstream_flows import blame_upstream
from domain.words import Language, Text


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("address", [UPSTREAM_ADDRESS, TOKEN_ADDRESS])
@pytest.mark.parametrize("limit", [None, timedelta(seconds=2)])
def test_every_cause_has_a_next_step_in_every_language(cause: Cause, address: Text, limit: timedelta | None) -> None:
    step = next_step(cause, address=address, connect_limit=limit)
    assert step.en.endswith(".")
    assert step.zh.endswith("。")
    assert not {"{", "}"} & {*step.en, *step.zh}


def test_each_cause_that_a_person_can_mend_has_a_next_step_of_its_own() -> None:
    steps = [next_step(cause, address=UPSTREAM_ADDRESS) for cause in Cause]
    usual = next_step(Cause.OTHER, address=UPSTREAM_ADDRESS)
    own = [step for step in steps if step != usual]
    assert len(set(own)) == len(own) == len(Cause) - 2  # silence has its own error


def test_the_limit_told_is_that_of_the_setting() -> None:
    step = next_step(Cause.TIMED_OUT, address=UPSTREAM_ADDRESS, connect_limit=timedelta(seconds=2.5))
    assert "CONNECTION_TIMEOUT (now 2.5 s)" in step.en
    assert "CONNECTION_TIMEOUT（当前为 2.5 秒）" in step.zh


@pytest.mark.parametrize("cause", [each for each in Cause if each in PROXY_CAUSES])
def test_of_two_ways_that_fail_the_proxys_own_failure_counts(cause: Cause) -> None:
    direct = NotConnectedError(Text("no direct way", "无法直连"), timed_out=True)
    proxied = NotConnectedError(Text("no proxy", "没有代理"), cause=cause)
    both = combined([direct, proxied])
    assert both.cause is cause
    assert both.text == Text("no direct way; no proxy", "无法直连；没有代理")
    blamed = blame_upstream(both)
    assert isinstance(blamed, UpstreamUnreachableError)
    assert blamed.cause is cause


def test_a_time_out_is_told_from_what_is_not_there() -> None:
    late = blame_upstream(NotConnectedError(Text("late", "太晚"), timed_out=True))
    assert isinstance(late, UpstreamTimeoutError)
    assert late.cause is Cause.TIMED_OUT
    assert late.told_in(Language.CHINESE).startswith("无法连接上游模型服务器：太晚。")


def test_what_the_system_says_is_told_in_chinese_where_it_is_known() -> None:
    known = system_words(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert known == Text("No space left on device", "磁盘空间不足")
    assert system_words(OSError("odd")) == Text("odd", "odd")
