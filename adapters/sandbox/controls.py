"""What a test or a demonstration may turn and read while the sandbox runs."""

import random
import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from adapters.sandbox.authorization_controls import AuthorizationControls
from adapters.sandbox.logins import LoginLedger
from domain.http import HttpRequest
from ports.clock import Clock

MOST_REQUESTS_KEPT = 256
MOST_BYTES_KEPT = 64 * 1024 * 1024
MOST_TIMES_KEPT = 10_000
MOST_FAILED_ONCE = 1024


class TokenFault(Enum):
    """How one answer of the token endpoint goes wrong. Unless told otherwise, the refresh token stays unspent."""

    STATUS_500 = "status 500, in plain text"
    STATUS_503 = "status 503 with Retry-After"
    HTML = "status 502 with a page of HTML"
    NOT_JSON = "status 200 with something that is not JSON"
    NO_EXPIRES_IN = "rotates and grants, without expires_in"
    EXPIRES_IN_STRING = "rotates and grants; expires_in is a string of digits"
    EXPIRES_IN_WRONG = "rotates and grants; expires_in is no duration at all"
    NO_REFRESH_TOKEN = "grants without rotation: no new refresh token, the old one stays"  # noqa: S105 - a fault's name
    CLOSED_BEFORE_ROTATION = "the connection closes without an answer, nothing was spent"
    CLOSED_AFTER_ROTATION = "the connection closes without an answer, the refresh token is spent"


# Those that leave the refresh token unspent and bring no grant: any of them may be met by asking once more.
FAULTS_BEFORE_ROTATION = (
    TokenFault.STATUS_500,
    TokenFault.STATUS_503,
    TokenFault.HTML,
    TokenFault.NOT_JSON,
    TokenFault.CLOSED_BEFORE_ROTATION,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenExchange:
    """One request at the token endpoint: when it came, when its answer (or its client) had gone, what it brought."""

    arrived: datetime
    ended: datetime
    granted: bool


@dataclass(slots=True)
class ExchangeUnderWay:
    """One request at the token endpoint that has not been answered; `granted` is set when it buys a token."""

    granted: bool = field(default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStatistics:
    """What the token endpoint has seen. `reuses` counts spent refresh tokens that came back and were refused."""

    requests: int = 0
    grants: int = 0
    refusals: int = 0
    reuses: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    request_times: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerStatistics:
    """The upstream's answers to questions, streamed or whole: under way, sent to their end, left by the client."""

    open: int = 0
    finished: int = 0
    aborted: int = 0


@dataclass(slots=True)
class AnswerUnderWay:
    """One answer being sent; `finished` is set once all of it that was meant to leave has left."""

    finished: bool = field(default=False)


class SandboxControls:
    """The knobs (plain attributes, read anew for each request) and the gauges. Safe to use from any thread.

    access_token_lifetime: how long a new access token lives.
    grace: how long a spent refresh token may be presented again; zero is strict.
    answer_delay: how long the token endpoint holds its answer back, after it has spent the refresh token.
    retry_after: what a 503 of the token endpoint asks for, in whole seconds.
    fault_rate: which part of the token endpoint's answers (0 to 1) goes wrong by chance, before anything is spent.
    late_rate, late_by: which part comes late by chance, and by how much more than `answer_delay`.
    dice: what chance is; seed it to have a run again.
    word_pause: the pause between two words of an answer.
    authorization: the knobs and gauges of the ways to log in.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        access_token_lifetime: timedelta = timedelta(seconds=60),
        grace: timedelta = timedelta(0),
        answer_delay: timedelta = timedelta(0),
        word_pause: timedelta = timedelta(0),
    ) -> None:
        self.access_token_lifetime = access_token_lifetime
        self.grace = grace
        self.answer_delay = answer_delay
        self.retry_after = timedelta(seconds=1)
        self.fault_rate = 0.0
        self.late_rate = 0.0
        self.late_by = timedelta(seconds=3)
        self.dice = random.Random()  # noqa: S311 - chance for tests, no secret
        self.word_pause = word_pause
        self.logins = LoginLedger(clock)
        self._clock = clock
        self._changed = threading.Condition()
        self.authorization = AuthorizationControls(clock, self.logins, self._changed)
        self._faults: deque[TokenFault] = deque()
        self._tokens = TokenStatistics()
        self._times: deque[datetime] = deque(maxlen=MOST_TIMES_KEPT)
        self._exchanges: deque[TokenExchange] = deque(maxlen=MOST_TIMES_KEPT)
        self._answers = AnswerStatistics()
        self._received: deque[HttpRequest] = deque()
        self._received_bytes = 0
        self._failed_once: dict[str, None] = {}

    def issue_login(self) -> str:
        """Log in anew: a refresh token that has not been used."""
        return self.logins.issue_login()

    def revoke_access_tokens(self) -> None:
        """From now on the upstream answers 401 to every access token issued so far; refresh tokens stay good."""
        self.logins.revoke_access_tokens()

    def revoke_login(self) -> None:
        """Kill every login, as a user who withdraws consent would: refresh and access tokens alike."""
        self.logins.revoke_logins()

    def fail_next(self, *faults: TokenFault) -> None:
        """Let the next requests at the token endpoint go wrong, one fault each, in this order."""
        with self._changed:
            self._faults.extend(faults)

    def take_fault(self) -> TokenFault | None:
        """The fault of the next answer: one of `fail_next`, or one by chance."""
        with self._changed:
            if self._faults:
                return self._faults.popleft()
            return self.dice.choice(FAULTS_BEFORE_ROTATION) if self.dice.random() < self.fault_rate else None

    def take_delay(self) -> timedelta:
        """How long the next answer is held back."""
        with self._changed:
            late = self.dice.random() < self.late_rate
            return self.answer_delay + self.late_by if late else self.answer_delay

    @property
    def exchanges(self) -> tuple[TokenExchange, ...]:
        """The latest requests at the token endpoint that have been answered, in the order in which they ended."""
        with self._changed:
            return tuple(self._exchanges)

    @property
    def tokens(self) -> TokenStatistics:
        with self._changed:
            return replace(self._tokens, request_times=tuple(self._times))

    @property
    def answers(self) -> AnswerStatistics:
        with self._changed:
            return self._answers

    @property
    def received(self) -> tuple[HttpRequest, ...]:
        """The latest requests at the upstream, oldest first, refused ones included; `url` is path and query."""
        with self._changed:
            return tuple(self._received)

    def wait_until(self, condition: Callable[[], bool], *, timeout: timedelta = timedelta(seconds=5)) -> bool:
        """Block until `condition`, asked anew at every change of a gauge, holds; False when the time is up."""
        with self._changed:
            return self._changed.wait_for(condition, timeout.total_seconds())

    @contextmanager
    def token_request(self) -> Generator[ExchangeUnderWay, None, None]:
        """One request at the token endpoint, from its arrival to its answer."""
        arrived = self._clock.now()
        with self._changed:
            self._times.append(arrived)
            in_flight = self._tokens.in_flight + 1
            self._tokens = replace(
                self._tokens,
                requests=self._tokens.requests + 1,
                in_flight=in_flight,
                most_in_flight=max(in_flight, self._tokens.most_in_flight),
            )
            self._changed.notify_all()
        under_way = ExchangeUnderWay()
        try:
            yield under_way
        finally:
            with self._changed:
                ended = self._clock.now()
                self._exchanges.append(TokenExchange(arrived=arrived, ended=ended, granted=under_way.granted))
                self._tokens = replace(self._tokens, in_flight=self._tokens.in_flight - 1)
                self._changed.notify_all()

    def count_grant(self) -> None:
        with self._changed:
            self._tokens = replace(self._tokens, grants=self._tokens.grants + 1)
            self._changed.notify_all()

    def count_refusal(self, *, reused: bool) -> None:
        with self._changed:
            self._tokens = replace(
                self._tokens, refusals=self._tokens.refusals + 1, reuses=self._tokens.reuses + int(reused)
            )
            self._changed.notify_all()

    @contextmanager
    def answer(self) -> Generator[AnswerUnderWay, None, None]:
        """One answer of the upstream, from its first step until it is sent or its client has gone."""
        with self._changed:
            self._answers = replace(self._answers, open=self._answers.open + 1)
            self._changed.notify_all()
        under_way = AnswerUnderWay()
        try:
            yield under_way
        finally:
            with self._changed:
                now = self._answers
                self._answers = AnswerStatistics(
                    open=now.open - 1,
                    finished=now.finished + int(under_way.finished),
                    aborted=now.aborted + int(not under_way.finished),
                )
                self._changed.notify_all()

    def is_first(self, digest: str) -> bool:
        """Whether the question of this digest, which is to fail once, comes for the first time in living memory."""
        with self._changed:
            if digest in self._failed_once:
                return False
            self._failed_once[digest] = None
            if len(self._failed_once) > MOST_FAILED_ONCE:
                del self._failed_once[next(iter(self._failed_once))]
            return True

    def record(self, request: HttpRequest) -> None:
        """Keep a request, and forget the oldest ones over the limits."""
        with self._changed:
            self._received.append(request)
            self._received_bytes += len(request.body)
            while len(self._received) > MOST_REQUESTS_KEPT or (
                self._received_bytes > MOST_BYTES_KEPT and len(self._received) > 1
            ):
                self._received_bytes -= len(self._received.popleft().body)
            self._changed.notify_all()
