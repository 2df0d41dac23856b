"""Whatever order workers, expiries, failures, deaths and edits come in, the login is used as a login must be.

More examples than in CI: `OCA_TEST_EXAMPLES=5000 bash tests/run.sh tests/domain/test_interleavings.py`.
"""

import os
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from domain.errors import TokenError
from domain.flows import access_token_flow
from domain.tokens import TokenSet, fingerprint
from tests.domain.many_workers import LOGIN, Actor, Fate, ManyWorkers
from tests.domain.single_use_server import LIFETIME, Server
from tests.fakes.world import NOON

EXAMPLES = int(os.environ.get("OCA_TEST_EXAMPLES", "150"))
PROCESSES = st.integers(0, 2)
MOMENTS = {"soon": timedelta(milliseconds=300), "stale": LIFETIME * 0.85, "expired": LIFETIME}


class Workers(RuleBasedStateMachine):
    """The laws of each step are asserted in `ManyWorkers`; those of a whole run are here."""

    @initialize(troubled=st.booleans(), grace=st.booleans(), first_token=st.booleans())
    def log_in(self, *, troubled: bool, grace: bool, first_token: bool) -> None:
        """`troubled`: with faults and deaths; otherwise every call must succeed."""
        self.troubled = troubled
        server = Server(grace=grace)
        stored = TokenSet(refresh_token=server.log_in())
        self.world = ManyWorkers(server=server, stored=stored)
        self.all_calls: list[Actor] = []
        if first_token:
            self.call(process=0)
            self.world.run_all()

    @rule(process=PROCESSES)
    def call(self, process: int) -> None:
        self.all_calls.append(self.world.begin(process, access_token_flow(LOGIN)))

    @rule(process=PROCESSES, fate=st.sampled_from(Fate))
    def a_whole_call(self, process: int, fate: Fate) -> None:
        self.call(process)
        self.world.finish(self.all_calls[-1], fate if self.troubled else Fate.ANSWERED)

    @precondition(lambda self: bool(self.world.handed_out))
    @rule(which=st.integers(0, 2))
    def call_after_a_rejection(self, which: int) -> None:
        process = sorted(self.world.handed_out)[which % len(self.world.handed_out)]
        rejected = self.world.handed_out[process][-1]
        flow = access_token_flow(LOGIN, rejected=rejected)
        self.all_calls.append(self.world.begin(process, flow, rejected=rejected))

    @precondition(lambda self: bool(self.world.runnable()))
    @rule(who=st.integers(0, 5), steps=st.integers(1, 12), fate=st.sampled_from(Fate))
    def go_on(self, who: int, steps: int, fate: Fate) -> None:
        """One of those who can takes some steps; `fate` is what becomes of a token request among them."""
        actor = self.world.runnable()[who % len(self.world.runnable())]
        for _ in range(steps):
            if actor.over or actor not in self.world.runnable():
                break
            self.world.step(actor, fate if self.troubled else Fate.ANSWERED)

    @rule(how_far=st.sampled_from(sorted(MOMENTS)))
    def time_passes(self, how_far: str) -> None:
        self.world.now += MOMENTS[how_far]

    @precondition(lambda self: self.troubled)
    @rule(process=PROCESSES)
    def a_process_is_killed(self, process: int) -> None:
        self.world.crash(process)

    @precondition(lambda self: bool(self.world.callers()))
    @rule(who=st.integers(0, 5))
    def a_caller_goes_away(self, who: int) -> None:
        callers = self.world.callers()
        self.world.cancel(callers[who % len(callers)])

    @rule()
    def a_new_login_is_pasted(self) -> None:
        self.world.paste(self.world.server.log_in())

    @precondition(lambda self: self.troubled)
    @rule()
    def the_login_is_revoked(self) -> None:
        self.world.server.alive.clear()

    def teardown(self) -> None:
        if not hasattr(self, "world") or self.world.broken:
            # It has failed already, and said why.
            return
        self.world.run_all()
        ended = [each for each in self.all_calls if each.over]
        assert all(each.error is None or isinstance(each.error, TokenError) for each in ended)
        if not self.troubled:
            assert [each.error for each in ended if each.error] == []
        self._the_login_has_survived()

    def _the_login_has_survived(self) -> None:
        """Once the trouble is over, a new process gets a token, unless the server has no living login for us."""
        world, held = self.world, self.world.stored.refresh_token
        assert held is not None
        # A setback lasts half a minute at most, and the access token ends.
        world.now = max(world.now, NOON) + LIFETIME
        usable = self._usable(held)
        last = world.begin(9, access_token_flow(LOGIN))
        world.run_all()
        assert (last.error is None) is usable, f"usable: {usable}, but: {last.error}"

    def _usable(self, refresh_token: str) -> bool:
        server = self.world.server
        login = int(refresh_token.removeprefix("login").partition("-")[0])
        if login not in server.alive or fingerprint(refresh_token) in self.world.dead:
            return False
        successor = server.successors.get(refresh_token)
        return successor is None or (server.grace and successor not in server.successors)


TestWorkers = Workers.TestCase
TestWorkers.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
