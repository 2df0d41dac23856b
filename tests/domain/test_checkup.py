"""What follows from what in a check-up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.checkup import (
    Blame,
    Check,
    CheckName,
    CheckState,
    Findings,
    failed,
    passed,
    skipped,
    skipped_beside,
    skipped_for,
    warned,
)
from domain.checkup_streaming import Arrivals, Flowing, judge_stream
from domain.checkup_tls import Certificate, Handshake, is_same_fault, judge_clock, judge_tls
from domain.checkup_ways import Attempts, Probe, Target, judge_proxy, judge_ways, way_to
from domain.errors import Cause
from domain.http import Route
from domain.words import Text

WORDS = Text("words", "文字")
TARGET = Target(host="llm.corp", port=443, secure=True, keys=Text.of("LLM_API_URL"))
WELL = Probe(words=WORDS)
causes = st.sampled_from(list(Cause))
ill = st.builds(Probe, words=st.just(WORDS), cause=causes)
probes = st.one_of(st.just(WELL), ill)
proxied = st.one_of(probes, st.builds(Probe, words=st.just(WORDS), cause=causes, beyond=st.just(True)))


def a_failure(name: CheckName = CheckName.DNS, blame: Blame = Blame.UNREACHABLE) -> Check:
    return failed(name, WORDS, mend=WORDS, fault="ill", blame=blame)


class TestFindings:
    def test_an_obstacle_is_the_failure_at_the_root(self) -> None:
        findings = Findings()
        root = findings.add(a_failure())
        findings.add(skipped_for(root, CheckName.TOKEN))
        findings.add(skipped(CheckName.MODELS, WORDS))
        findings.add(warned(CheckName.CLOCK, WORDS, mend=None, fault="odd"))
        assert findings.obstacle("token") is root
        assert findings.obstacle("models", "clock", "nothing") is None
        assert findings.obstacle("models", "dns") is root
        assert skipped_for(root, CheckName.CHAT).because == "dns"

    def test_what_was_said_first_is_kept(self) -> None:
        findings = Findings()
        first = findings.add(passed(CheckName.DNS, WORDS))
        assert findings.add(a_failure()) is first
        assert "dns" in findings
        assert findings.count(CheckState.PASSED) == len(list(findings)) == 1

    def test_the_worst_is_what_is_to_be_mended_first(self) -> None:
        findings = Findings()
        assert findings.worst is None
        for name, blame in zip(CheckName, reversed(Blame), strict=False):
            findings.add(a_failure(name, blame))
            assert findings.worst is blame

    def test_subjects_that_are_words_have_their_chinese(self) -> None:
        line = warned(CheckName.ENV_FILE, WORDS, mend=None, fault="odd", subject="line 6")
        assert (line.title.en, line.title.zh) == (".env file line 6", ".env 文件 第 6 行")
        mode = warned(CheckName.ENV_FILE, WORDS, mend=None, fault="odd", subject="mode")
        assert mode.title.zh == ".env 文件 权限"
        assert warned(CheckName.DNS, WORDS, mend=None, fault="odd", subject="line x").title.zh.endswith("line x")

    def test_an_id_tells_what_is_meant(self) -> None:
        assert passed(CheckName.DNS, WORDS, subject="llm.corp").id == "dns:llm.corp"
        assert passed(CheckName.DNS, WORDS, subject="llm.corp").title.zh == "域名解析 llm.corp"


class TestWays:
    @given(names=probes, direct=probes, proxy=st.one_of(st.none(), probes), through=proxied)
    def test_where_nothing_works_one_line_has_failed_and_else_none(
        self, names: Probe, direct: Probe, proxy: Probe | None, through: Probe
    ) -> None:
        through_proxy = through if proxy is not None and proxy.well else None
        tried = Attempts(names=names, direct=direct if names.well else None, proxied=through_proxy)
        first = None if proxy is None else judge_proxy("proxy:1", proxy, needed=not tried.goes_directly)
        checks = [*([] if first is None else [first]), *judge_ways(TARGET, tried, proxy=first)]
        failures = [check for check in checks if check.state is CheckState.FAILED]
        assert len(failures) == (0 if tried.route else 1)
        assert all(check.mend and check.blame is Blame.UNREACHABLE for check in failures)
        assert all(check.id in {*way_to(TARGET), "proxy:proxy:1"} for check in checks)

    def test_the_direct_way_goes_first(self) -> None:
        assert Attempts(names=WELL, direct=WELL, proxied=WELL).route is Route.DIRECT

    def test_addresses_of_version_6_stand_in_brackets(self) -> None:
        assert Target(host="::1", port=1, secure=False, keys=WORDS).authority == "[::1]:1"


NOW = datetime(2026, 5, 1, tzinfo=UTC)
CERTIFICATE = Certificate(
    issuer="Company CA",
    names=("llm.corp",),
    not_before=NOW - timedelta(days=10),
    not_after=NOW + timedelta(days=10),
)


class TestTls:
    @pytest.mark.parametrize("cause", [Cause.CERTIFICATE_EXPIRED, Cause.CERTIFICATE_NOT_YET_VALID])
    def test_the_clock_is_at_fault_only_where_the_certificate_holds_by_the_servers_time(self, cause: Cause) -> None:
        clock = a_failure(CheckName.CLOCK, Blame.OTHER)
        good = Handshake(cause=cause, certificate=CERTIFICATE, now=NOW, server_time=NOW)
        over = Handshake(cause=cause, certificate=CERTIFICATE, now=NOW, server_time=NOW + timedelta(days=99))
        assert judge_tls(TARGET, good, clock=clock).because == "clock"
        assert judge_tls(TARGET, over, clock=clock).fault == cause.value
        assert judge_tls(TARGET, good, clock=None).fault == cause.value
        other = Handshake(cause=Cause.UNKNOWN_CA, words=WORDS)
        assert judge_tls(TARGET, other, clock=clock).finding == WORDS

    def test_a_fault_that_two_servers_share_is_known_as_one(self) -> None:
        other = replace(CERTIFICATE, names=("id.corp",))
        unknown = Handshake(cause=Cause.UNKNOWN_CA, certificate=CERTIFICATE)
        assert is_same_fault(unknown, replace(unknown, certificate=other))
        assert not is_same_fault(unknown, replace(unknown, certificate=replace(CERTIFICATE, issuer="Another CA")))
        expired = replace(unknown, cause=Cause.CERTIFICATE_EXPIRED)
        assert is_same_fault(expired, expired)
        assert not is_same_fault(expired, replace(expired, certificate=other))
        assert not is_same_fault(expired, unknown)
        assert not is_same_fault(Handshake(cause=Cause.TLS), Handshake(cause=Cause.TLS))
        check = skipped_beside(judge_tls(TARGET, unknown, clock=None), CheckName.TLS, subject="id.corp:443")
        assert (check.id, check.because, check.state) == ("tls:id.corp:443", "tls:llm.corp:443", CheckState.SKIPPED)

    def test_a_token_must_not_travel_in_the_open(self) -> None:
        here = Target(host="localhost", port=80, secure=False, keys=WORDS)
        there = Target(host="llm.corp", port=80, secure=False, keys=WORDS)
        assert judge_tls(here, Handshake(), clock=None).state is CheckState.SKIPPED
        assert judge_tls(there, Handshake(), clock=None).fault == "plain_http"

    def test_a_failure_without_a_meaning_of_its_own_is_told_in_its_words(self) -> None:
        seen = Handshake(cause=Cause.TLS, words=WORDS, certificate=CERTIFICATE)
        assert judge_tls(TARGET, seen, clock=None).finding == WORDS
        assert "TLS 1.3" in judge_tls(TARGET, Handshake(protocol="TLS 1.3"), clock=None).finding.zh

    @pytest.mark.parametrize(
        ("seconds", "state"),
        [(60, "passed"), (61, "warned"), (-300, "warned"), (301, "failed"), (-9_000_000, "failed")],
    )
    def test_a_clock_is_judged_by_how_far_it_is_off(self, seconds: int, state: str) -> None:
        assert judge_clock([("a:1", timedelta(seconds=seconds))]).state.value == state

    @pytest.mark.parametrize(
        ("seconds", "told"), [(119, "119 seconds"), (599, "10 minutes"), (7100, "118 minutes"), (129_600, "36 hours")]
    )
    def test_how_far_a_clock_is_off_is_rounded_and_not_cut(self, seconds: int, told: str) -> None:
        assert f" {told} behind" in judge_clock([("a:1", timedelta(seconds=seconds))]).finding.en

    def test_one_server_with_a_wrong_clock_does_not_condemn_ours(self) -> None:
        assert judge_clock([("a:1", timedelta(days=9)), ("b:1", timedelta(0))]).state is CheckState.PASSED
        assert judge_clock([]).state is CheckState.SKIPPED


def evenly(pieces: int, *, first_s: float, pause_s: float) -> tuple[float, ...]:
    return tuple(first_s + number * pause_s for number in range(pieces))


class TestStreaming:
    @pytest.mark.parametrize(
        ("arrivals", "flowing"),
        [
            (Arrivals(at_s=()), Flowing.UNDETERMINED),
            (Arrivals(at_s=evenly(3, first_s=3, pause_s=0), one_word_s=0.1), Flowing.UNDETERMINED),
            # Few pieces tell enough where all of them were waiting, or none.
            (Arrivals(at_s=evenly(5, first_s=3, pause_s=0), one_word_s=0.1), Flowing.HELD_BACK),
            (Arrivals(at_s=evenly(5, first_s=0.1, pause_s=0.1), one_word_s=0.1), Flowing.STREAMS),
            (Arrivals(at_s=evenly(60, first_s=0.3, pause_s=0.02), one_word_s=0.3), Flowing.STREAMS),
            # All at once, long after one word would have come.
            (Arrivals(at_s=evenly(60, first_s=3, pause_s=0), one_word_s=0.3), Flowing.HELD_BACK),
            (Arrivals(at_s=evenly(60, first_s=3, pause_s=0.0001)), Flowing.HELD_BACK),
            # A slow beginning and a fast model: one word takes as long.
            (Arrivals(at_s=evenly(60, first_s=3, pause_s=0.0005), one_word_s=2.9), Flowing.UNDETERMINED),
            # A fast model that answers at once.
            (Arrivals(at_s=evenly(60, first_s=0.2, pause_s=0.0005)), Flowing.UNDETERMINED),
            (Arrivals(at_s=evenly(60, first_s=0.3, pause_s=0.001), one_word_s=0.01), Flowing.STREAMS),
            # A bufferful at a time.
            (Arrivals(at_s=(*[1.0] * 20, *[2.0] * 20, *[3.0] * 20)), Flowing.IN_BURSTS),
            # The first words slip through.
            (Arrivals(at_s=(0.2, *[3.0] * 59), one_word_s=0.2), Flowing.IN_BURSTS),
            # A buffer that the answer fills once, and a little more.
            (Arrivals(at_s=(*[0.8] * 40, *[0.9] * 5), one_word_s=0.01), Flowing.IN_BURSTS),
            # A model that guesses some words ahead.
            (Arrivals(at_s=tuple(number // 4 * 0.1 for number in range(60))), Flowing.STREAMS),
        ],
    )
    def test_words_are_judged_by_how_they_came(self, arrivals: Arrivals, flowing: Flowing) -> None:
        assert arrivals.flowing is flowing

    @given(first_s=st.floats(0, 30), per_s=st.floats(5, 1000), pieces=st.integers(0, 300))
    def test_a_model_that_speaks_evenly_raises_no_alarm(self, first_s: float, per_s: float, pieces: int) -> None:
        at = evenly(pieces, first_s=first_s, pause_s=1 / per_s)
        check = judge_stream(Arrivals(at_s=at, one_word_s=first_s), headers=(), route=Route.DIRECT)
        assert check.state is CheckState.PASSED

    def test_who_is_between_is_named(self) -> None:
        held = Arrivals(at_s=(3.0,) * 60, one_word_s=0.1)
        check = judge_stream(held, headers=(("via", "1.1 squid"), ("Server", "nginx")), route=Route.PROXY)
        assert (check.state, check.fault) == (CheckState.WARNED, "buffered")
        assert "Via: 1.1 squid; Server: nginx" in check.finding.zh
        assert "HTTP_PROXY_URL" in str(check.mend)
        in_bursts = Arrivals(at_s=(*[1.0] * 20, *[2.0] * 20, *[3.0] * 20))
        assert "3 bursts" in judge_stream(in_bursts, headers=(), route=Route.DIRECT).finding.en
