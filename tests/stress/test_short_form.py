"""The stress test in a few seconds; timing is judged by the long form alone."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.stress.plan import Plan
from tests.stress.run import run
from tests.stress.tally import Tally

SMALL = Plan(
    duration=timedelta(seconds=5),
    processes=3,
    threads=4,
    tasks=4,
    servers=0,
    commands=0,
    lifetime=timedelta(seconds=1),
)


def stressed(folder: Path, plan: Plan) -> Tally:
    with (folder / "log").open("wb") as log:
        return run(plan, log=log, say=lambda _: None)


def test_a_crowd_on_one_login_causes_one_grant_an_expiry_and_sees_no_error(tmp_path: Path) -> None:
    tally = stressed(tmp_path, SMALL)
    assert tally.broken_laws() == []
    assert len(tally.exchanges) == len(tally.grants) == tally.expiries


def test_with_a_forgiving_server_nothing_is_lost_whoever_is_killed(tmp_path: Path) -> None:
    delay, kill_every = timedelta(milliseconds=200), timedelta(seconds=0.4)
    tally = stressed(tmp_path, replace(SMALL, grace=timedelta(seconds=30), kill_every=kill_every, delay=delay))
    assert tally.broken_laws() == []
    assert tally.kills_at_s
    assert tally.failed == 0
