"""Several processes on one login, every effect of their flows a step of its own: a test says who takes the next one.

The world is shared and honest: a store with one lock, an authorization server that takes each refresh token once, a
clock. As in the drivers, the callers of one process share its refresh, and a refresh does not end with its caller.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from urllib.parse import parse_qs

from domain.effects import (
    Effect,
    Exclusively,
    Flow,
    InBackground,
    LoadTokens,
    Pause,
    ProveStorable,
    ReadClock,
    ReadRoutes,
    RememberRoute,
    Report,
    RouteKnown,
    SaveTokens,
    Send,
)
from domain.errors import ConnectionLostError, LoginRequiredError, NotConnectedError, OCAError, TokenStoreError
from domain.http import HttpResponse, Route, Timeouts
from domain.oauth2 import OAuth2Client
from domain.refreshing import PAUSES, Login
from domain.tokens import RefreshPolicy, TokenSet, TokenState, fingerprint
from tests.domain.single_use_server import REFUSED, Server
from tests.fakes.world import NOON

# One request, one more for an answer that was lost, one after each pause.
MOST_REQUESTS_OF_ONE_REFRESH = 2 + len(PAUSES)
LOGIN = Login(
    client=OAuth2Client(token_endpoint="https://as.example/token", client_id="client"),
    policy=RefreshPolicy(),
    timeouts=Timeouts(connect=timedelta(seconds=2), read=timedelta(seconds=30)),
    mend="MEND",
)


# An access token and a refresh token.
Pair = tuple[str | None, str | None]


class Fate(Enum):
    """What becomes of one token request."""

    ANSWERED = "answered"
    NOT_SENT = "never left"
    REFUSED = "status 503"
    LOST_BEFORE = "status 500, nothing was spent"
    LOST_AFTER = "spent, and the answer never arrived"


@dataclass(slots=True, kw_only=True, eq=False)
class Actor:
    """One flow under way. A refresh has no `caller`; what it has loaded under the lock is what it may replace."""

    process: int
    flow: Flow[Any]
    rejected: str | None = None
    effect: Effect[Any] | None = None
    answer: object = None
    failure: OCAError | None = None
    in_flight: bool = False
    wakes_at: datetime | None = None
    waits_for: "Actor | None" = None
    loaded: list[Pair] = field(default_factory=list[Pair])
    requests: Counter[str] = field(default_factory=Counter[str])
    result: object = None
    error: OCAError | None = None
    over: bool = False


@dataclass(slots=True, kw_only=True)
class ManyWorkers:
    """`step` lets one actor take one step, and checks the laws that can be checked there."""

    server: Server
    stored: TokenSet
    now: datetime = NOON
    holder: Actor | None = None
    actors: list[Actor] = field(default_factory=list[Actor])
    refreshes: dict[int, Actor] = field(default_factory=dict[int, Actor])
    saved: set[str | None] = field(default_factory=set[str | None])
    replaced_by_hand: set[str | None] = field(default_factory=set[str | None])
    succeeded: set[str] = field(default_factory=set[str])
    dead: set[str] = field(default_factory=set[str])
    rejected: set[str] = field(default_factory=set[str])
    handed_out: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    refusals: Counter[str] = field(default_factory=Counter[str])
    crashes: int = 0
    broken: bool = False

    def begin(self, process: int, flow: Flow[Any], *, rejected: str | None = None) -> Actor:
        if rejected is not None:
            self.rejected.add(rejected)
        actor = Actor(process=process, flow=flow, rejected=rejected)
        self.actors.append(actor)
        return actor

    def runnable(self) -> list[Actor]:
        return [each for each in self.actors if self._can_run(each)]

    def _can_run(self, actor: Actor) -> bool:
        if actor.waits_for is not None:
            return False
        is_refresh = self.refreshes.get(actor.process) is actor
        return not is_refresh or self.holder in (None, actor)

    def step(self, actor: Actor, fate: Fate = Fate.ANSWERED) -> None:
        """One effect performed, or its answer handed over; taking the lock and sending a request are steps as well."""
        self.broken = True
        self._step(actor, fate)
        self.broken = False

    def _step(self, actor: Actor, fate: Fate) -> None:
        if self.refreshes.get(actor.process) is actor and self.holder is None:
            self.holder = actor
            return
        if isinstance(actor.effect, Send) and not actor.in_flight:
            self._leave(actor, actor.effect, fate)
            return
        if actor.wakes_at is not None:
            self.now, actor.wakes_at = max(self.now, actor.wakes_at), None
        actor.in_flight = False
        answer, failure = actor.answer, actor.failure
        actor.answer, actor.failure = None, None
        try:
            actor.effect = actor.flow.send(answer) if failure is None else actor.flow.throw(failure)
        except StopIteration as end:
            self._end(actor, result=end.value)
        except OCAError as error:
            self._end(actor, error=error)
        else:
            self._perform(actor, actor.effect)

    def _perform(self, actor: Actor, effect: Effect[Any]) -> None:
        match effect:
            case LoadTokens():
                actor.answer = self.stored
                actor.loaded.append((self.stored.access_token, self.stored.refresh_token))
            case SaveTokens(tokens):
                self._save(actor, tokens)
            case ReadClock():
                actor.answer = self.now
            case Pause(duration):
                actor.wakes_at = self.now + duration
            case ReadRoutes():
                actor.answer = (Route.DIRECT,)
            case RouteKnown():
                actor.answer = True
            case Exclusively(flow):
                actor.waits_for = self._refresh(actor.process, flow)
            case InBackground(flow):
                self._refresh(actor.process, flow)
            case Send() | ProveStorable() | RememberRoute() | Report():
                pass
            case _:
                raise AssertionError(f"unknown effect {effect!r}")

    def _refresh(self, process: int, flow: Flow[TokenSet]) -> Actor:
        running = self.refreshes.get(process)
        if running is not None:
            flow.close()
            return running
        self.refreshes[process] = self.begin(process, flow)
        return self.refreshes[process]

    def _save(self, actor: Actor, tokens: TokenSet) -> None:
        assert self.holder is actor, "saved without the lock"
        if (tokens.access_token, tokens.refresh_token) == actor.loaded[-1]:
            # A note beside the login; it is void when that has been replaced meanwhile.
            if tokens.refresh_token == self.stored.refresh_token:
                self.stored = tokens
            if tokens.setback is not None and tokens.setback.until is None:
                self.dead.add(tokens.setback.fingerprint)
            return
        if self.stored.refresh_token not in {refresh_token for _, refresh_token in actor.loaded}:
            self.replaced_by_hand.add(tokens.access_token)
            actor.failure = TokenStoreError("The refresh token was replaced by somebody else.")
            return
        sent = self.stored.refresh_token
        if tokens.refresh_token != sent:
            assert sent is not None
            self.succeeded.add(sent)
        actor.loaded.append((tokens.access_token, tokens.refresh_token))
        self.saved.add(tokens.access_token)
        self.stored = tokens

    def _leave(self, actor: Actor, effect: Send, fate: Fate) -> None:
        """The request goes out, and comes to the server unless it does not."""
        sent = parse_qs(effect.request.body.decode())["refresh_token"][0]
        actor.in_flight = True
        actor.requests[sent] += 1
        assert self.holder is actor, "a request left without the lock"
        assert sum(each.in_flight for each in self.actors) == 1, "two requests are in flight"
        assert sent not in self.succeeded, f"{sent} was sent again although its successor was stored"
        assert fingerprint(sent) not in self.dead, f"{sent} was sent again although it is known to be dead"
        assert actor.requests[sent] <= MOST_REQUESTS_OF_ONE_REFRESH, "one refresh sends for ever"
        seen = self.stored
        if seen.refresh_token == sent:
            assert seen.unanswered > 0, "a request left that nobody would know of after a crash"
            assert seen.current_setback(self.now) is None, "a request left before the pause was over"
            needed = seen.state(self.now, LOGIN.policy) is not TokenState.FRESH or seen.access_token in self.rejected
            assert needed, "a token is bought that nobody needs"
        match fate:
            case Fate.NOT_SENT:
                actor.failure = NotConnectedError("refused")
            case Fate.REFUSED:
                actor.answer = HttpResponse(status=503)
            case Fate.LOST_BEFORE:
                actor.answer = HttpResponse(status=500)
            case Fate.LOST_AFTER:
                self.server.answer(effect.request)
                actor.failure = ConnectionLostError("reset")
            case Fate.ANSWERED:
                answer = self.server.answer(effect.request)
                actor.answer = answer
                self.refusals[sent] += answer.status == REFUSED
                assert self.refusals[sent] <= 1 + self.crashes, f"{sent} was asked about again after its refusal"

    def _end(self, actor: Actor, *, result: object = None, error: OCAError | None = None) -> None:
        actor.over, actor.result, actor.error, actor.effect = True, result, error, None
        self.actors.remove(actor)
        if self.refreshes.get(actor.process) is actor:
            if isinstance(error, LoginRequiredError):
                assert fingerprint(actor.loaded[-1][1] or "") in self.dead, "a login that may work was given up"
            del self.refreshes[actor.process]
            self.holder = None
            for each in self.actors:
                if each.waits_for is actor:
                    each.waits_for, each.answer, each.failure = None, result, error
            return
        if isinstance(result, str):
            self._hand_out(actor, result)

    def _hand_out(self, actor: Actor, access_token: str) -> None:
        assert access_token in self.server.issued, f"{access_token} was never issued"
        assert access_token in self.saved | self.replaced_by_hand, f"{access_token} was handed out before it was saved"
        # What was bought with a login that a person replaced meanwhile stands in no store, so nobody can tell its age.
        if actor.rejected is not None and actor.rejected not in self.replaced_by_hand:
            newer = self.server.issued.index(access_token) > self.server.issued.index(actor.rejected)
            assert newer, f"{access_token} was handed out although {actor.rejected} had been rejected"
        self.handed_out.setdefault(actor.process, []).append(access_token)

    def crash(self, process: int) -> None:
        """kill -9: what was stored stays, the lock is free, nothing is tidied up."""
        self.crashes += 1
        for each in self._of(process):
            self.actors.remove(each)
            if self.holder is each:
                self.holder = None
        self.refreshes.pop(process, None)
        self.handed_out.pop(process, None)

    def cancel(self, actor: Actor) -> None:
        """A caller goes away; the refresh that it may wait for does not."""
        self.actors.remove(actor)
        actor.flow.close()

    def callers(self) -> list[Actor]:
        return [each for each in self.actors if self.refreshes.get(each.process) is not each]

    def _of(self, process: int) -> Iterable[Actor]:
        return [each for each in self.actors if each.process == process]

    def paste(self, refresh_token: str) -> None:
        """A person puts another login into the file; what was noted of the old one does not concern it."""
        self.stored = replace(self.stored, refresh_token=refresh_token, setback=None, attempt=None)

    def finish(self, actor: Actor, fate: Fate = Fate.ANSWERED) -> None:
        """Let an actor come to its end; of the others, only those move whom it has to wait for."""
        for _ in range(1_000):
            if actor.over:
                return
            refresh = actor.waits_for or actor
            self.step(refresh if self._can_run(refresh) else self.holder or refresh, fate)
        raise AssertionError("somebody never comes to an end")

    def run_all(self) -> None:
        """Let everybody finish, in turns, without further trouble."""
        for _ in range(10_000):
            runnable = self.runnable()
            if not runnable:
                break
            self.step(runnable[0])
        assert not self.actors, "somebody waits for ever"
