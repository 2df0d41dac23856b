"""The report of `oca status` as a value: the facts, what is wrong with them, and what mends it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

from domain.server_metadata import Person
from domain.token_events import HistoryEntry, clock_skew_warning
from domain.words import Text, joined

_CONFIGURATION_EXIT = 3
_LOGIN_EXIT = 4
# Whoever has not written down an answer by then is not waiting for it any more.
_LONGEST_REFRESH = timedelta(minutes=1)
_UNANSWERED = Text(
    "The refresh token was sent, and what came of it is not known: the process that asked has died, or the answer was "
    "lost. The next renewal sends it again; if the server has replaced it, that works only where the server accepts "
    "the previous one for a while.",
    "刷新令牌已经发出，但结果不明：发起请求的进程已经退出，或者应答已经丢失。下次续期会再次发送它；如果服务器已经更换了"
    "刷新令牌，则只有在服务器短时间内仍接受旧令牌时才会成功。",
)


class LoginState(Enum):
    """Where a login stands. DEAD and NONE want a person; FAILING may pass by itself."""

    FINE = "fine"
    FAILING = "failing"
    DEAD = "dead"
    NONE = "none"
    API_KEY = "api_key"


class AccessTokenState(Enum):
    """As domain.tokens.TokenState, and what a token of unknown end and no token at all are."""

    FRESH = "fresh"
    STALE = "stale"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why the refresh token does not work: `last_at` is the newest of `attempts` in a row, the first was at `since`.

    `next_attempt_at` is None when there will be none, since the server has refused the token for good.
    """

    reason: str
    since: datetime
    last_at: datetime
    attempts: int
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """Every fact that the report tells. Times are aware; None is what does not apply, or what nobody knows.

    `person` is who logged in last with `oca login`. `problems` are settings that are missing. `store_trouble` is why
    `.env` cannot be written, `unsaved` the event of a login that another process could not store and keeps in its
    memory. `unanswered_at` is when the refresh token was sent in a request whose outcome nobody has written down.
    `events` are the newest, the oldest of them first.
    """

    now: datetime
    env_file: Path
    place: str = ""
    login: LoginState
    mend: str | Text
    token_endpoint: str | None = None
    client_id: str | None = None
    person: Person | None = None
    problems: tuple[Text, ...] = ()
    store_trouble: str | Text | None = None
    access_token: AccessTokenState = AccessTokenState.NONE
    expires_at: datetime | None = None
    refresh_token_fingerprint: str | None = None
    last_refresh_at: datetime | None = None
    last_refresh: HistoryEntry | None = None
    next_refresh_at: datetime | None = None
    failure: Failure | None = None
    unanswered: int = 0
    unanswered_at: datetime | None = None
    unsaved: HistoryEntry | None = None
    clock_skew_seconds: float | None = None
    events: tuple[HistoryEntry, ...] = ()

    @property
    def exit_code(self) -> int:
        if self.problems:
            return _CONFIGURATION_EXIT
        return _LOGIN_EXIT if self.login in {LoginState.DEAD, LoginState.NONE} else 0

    @property
    def troubles(self) -> tuple[Text, ...]:
        """What is wrong and what mends it, a sentence or two each; empty when all is well."""
        found: list[str | Text | None] = [*self.problems, self._login_trouble()]
        sent_at = self.unanswered_at
        if sent_at is not None and self.login is not LoginState.DEAD and self.now - sent_at > _LONGEST_REFRESH:
            found.append(_UNANSWERED)
        if self.unsaved is not None:
            found.append(self._unsaved_told(self.unsaved))
        found += [self.store_trouble, clock_skew_warning(self.clock_skew_seconds)]
        return tuple(Text.of(each) for each in found if each)

    def _login_trouble(self) -> Text | None:
        failure = self.failure
        match self.login:
            case LoginState.NONE:
                return _in_a_row(Text("There is no login.", "尚未登录。"), self.mend)
            case LoginState.DEAD if failure is not None:
                refused = Text(
                    f"The authorization server refused the refresh token ({failure.reason}).",
                    f"授权服务器拒绝了刷新令牌（{failure.reason}）。",
                )
                return _in_a_row(refused, self.mend)
            case LoginState.FAILING if failure is not None:
                reason = failure.reason.rstrip(".")
                return Text(
                    f"The access token could not be renewed: {reason}. The login is kept, and tried again when "
                    "somebody uses it.",
                    f"访问令牌未能续期：{reason}。登录仍然保留，下次使用时会再次尝试。",
                )
            case _:
                return None

    def _unsaved_told(self, unsaved: HistoryEntry) -> Text:
        why = unsaved.event.why
        return Text(
            f"{why} That is process {unsaved.pid} ({unsaved.program}); the login in {self.env_file} is spent.",
            f"{why} 涉及的进程是 {unsaved.pid}（{unsaved.program}）；{self.env_file} 中的登录已用过，不再有效。",
        )


def _in_a_row(*sentences: str | Text) -> Text:
    return joined(sentences, Text(" ", ""))
