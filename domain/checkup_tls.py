"""What a TLS handshake and the servers' clocks show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.advice import next_step
from domain.checkup import Blame, Check, CheckName, Detail, failed, passed, skipped, skipped_for, warned
from domain.checkup_ways import Target
from domain.errors import Cause
from domain.http import is_loopback_host
from domain.words import Text

SMALL_SKEW = timedelta(seconds=60)
LARGE_SKEW = timedelta(seconds=300)
_NOTHING = Text("", "")
_TIME_CAUSES = frozenset({Cause.CERTIFICATE_EXPIRED, Cause.CERTIFICATE_NOT_YET_VALID})


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a server shows of itself: whom it names, who signed it, from when until when it holds."""

    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime

    def holds_at(self, moment: datetime) -> bool:
        return self.not_before <= moment <= self.not_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """A look at a server. `cause` is None when it went well; of a plain http server only the time is known.

    `trusted_by` names the setting that holds the CA, "" for what the system trusts. `server_time` is what the server
    says in its `Date`, compared with `now`, our time at that moment.
    """

    cause: Cause | None = None
    words: Text = _NOTHING
    protocol: str = ""
    certificate: Certificate | None = None
    trusted_by: str = ""
    now: datetime | None = None
    server_time: datetime | None = None

    @property
    def skew(self) -> timedelta | None:
        """How far the server's clock is ahead of ours."""
        return None if self.now is None or self.server_time is None else self.server_time - self.now


def judge_clock(seen: Sequence[tuple[str, timedelta]]) -> Check:
    """The clock, by what servers (`host:port`) say; the one that differs least counts, since a server can be wrong."""
    if not seen:
        return skipped(CheckName.CLOCK, Text("no server told what time it has", "没有服务器返回自己的时间"))
    authority, skew = min(seen, key=lambda each: abs(each[1]))
    seconds = round(skew.total_seconds())
    details: dict[str, Detail] = {"skew_s": seconds, "by": authority}
    if abs(skew) <= SMALL_SKEW:
        return passed(CheckName.CLOCK, Text(f"agrees with {authority}", f"与 {authority} 一致"), details=details)
    far = _span(abs(seconds))
    finding = Text(
        f"this machine's clock is {far.en} {'behind' if seconds > 0 else 'ahead of'} that of {authority}",
        f"本机时钟比 {authority} 的时钟{'慢' if seconds > 0 else '快'} {far.zh}",
    )
    mend = Text(
        "Set this machine's clock, best by switching time synchronization (NTP) on.",
        "请校准本机的时钟，最好启用时间同步（NTP）。",
    )
    if abs(skew) <= LARGE_SKEW:
        return warned(CheckName.CLOCK, finding, mend=mend, fault="clock_skew", details=details)
    return failed(CheckName.CLOCK, finding, mend=mend, fault="clock_skew", blame=Blame.OTHER, details=details)


def judge_tls(target: Target, seen: Handshake, *, clock: Check | None) -> Check:
    """The check of a server's TLS. `clock` is the failed check of the clock, if it has failed."""
    if not target.secure:
        return _plain(target)
    certificate = seen.certificate
    details: dict[str, Detail] = {"protocol": seen.protocol or None}
    if certificate is not None:
        details |= {
            "issuer": certificate.issuer,
            "names": ", ".join(certificate.names),
            "not_before": certificate.not_before.isoformat(),
            "not_after": certificate.not_after.isoformat(),
            "trusted_by": (seen.trusted_by or "system") if seen.cause is None else None,
        }
    if seen.cause is None:
        return passed(CheckName.TLS, _praise(seen), subject=target.authority, details=details)
    time = seen.server_time
    if (
        clock is not None
        and seen.cause in _TIME_CAUSES
        and (time is None or certificate is None or certificate.holds_at(time))
    ):
        # By the server's clock the certificate holds: ours is at fault.
        return skipped_for(clock, CheckName.TLS, subject=target.authority)
    return failed(
        CheckName.TLS,
        _complaint(seen),
        subject=target.authority,
        mend=next_step(seen.cause, address=target.keys),
        fault=seen.cause.value,
        blame=Blame.UNREACHABLE,
        details=details,
    )


def is_same_fault(one: Handshake, other: Handshake) -> bool:
    """Whether what mends one server's TLS mends the other's: both show the same certificate, or the same unknown CA."""
    mine, theirs = one.certificate, other.certificate
    if one.cause is not other.cause or mine is None or theirs is None:
        return False
    if one.cause is Cause.UNKNOWN_CA:
        return mine.issuer == theirs.issuer
    return one.cause in _TIME_CAUSES and mine == theirs


def _plain(target: Target) -> Check:
    if is_loopback_host(target.host):
        return skipped(CheckName.TLS, Text("plain http on this machine", "本机上的明文 http"), subject=target.authority)
    return warned(
        CheckName.TLS,
        Text("plain http: the access token travels for all to read", "明文 http：访问令牌会以明文传输"),
        subject=target.authority,
        mend=Text(f"Use https:// in {target.keys.en}.", f"请在 {target.keys.zh} 中使用 https://。"),
        fault="plain_http",
    )


def _praise(seen: Handshake) -> Text:
    certificate = seen.certificate
    if certificate is None:
        return Text(seen.protocol, seen.protocol)
    until = _day(certificate.not_after)
    by = Text.of(seen.trusted_by) if seen.trusted_by else Text("the system", "系统")
    return Text(
        f"{seen.protocol}, signed by {certificate.issuer} (trusted by {by.en}), good until {until}",
        f"{seen.protocol}，由 {certificate.issuer} 签发（由{by.zh}信任），有效期至 {until}",
    )


def _complaint(seen: Handshake) -> Text:
    certificate = seen.certificate
    if certificate is None:
        return seen.words
    issuer = certificate.issuer
    match seen.cause:
        case Cause.UNKNOWN_CA:
            return Text(
                f"the certificate is signed by {issuer}, which is not trusted here",
                f"证书由 {issuer} 签发，本机不信任该 CA",
            )
        case Cause.CERTIFICATE_EXPIRED:
            return Text(
                f"the certificate (signed by {issuer}) has expired on {_day(certificate.not_after)}",
                f"证书（由 {issuer} 签发）已于 {_day(certificate.not_after)} 过期",
            )
        case Cause.CERTIFICATE_NOT_YET_VALID:
            return Text(
                f"the certificate (signed by {issuer}) is not valid before {_day(certificate.not_before)}",
                f"证书（由 {issuer} 签发）从 {_day(certificate.not_before)} 起才有效",
            )
        case Cause.CERTIFICATE_OTHER_HOST:
            names = ", ".join(certificate.names[:5]) or "-"
            return Text(
                f"the certificate (signed by {issuer}) is for another host: {names}",
                f"证书（由 {issuer} 签发）属于其他主机：{names}",
            )
        case _:
            return seen.words


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _span(seconds: int) -> Text:
    minute, hour, day = 60, 3600, 86_400
    if seconds >= 2 * day:
        days = round(seconds / day)
        return Text(f"{days} days", f"{days} 天")
    if seconds >= 2 * hour:
        hours = round(seconds / hour)
        return Text(f"{hours} hours", f"{hours} 小时")
    if seconds >= 2 * minute:
        minutes = round(seconds / minute)
        return Text(f"{minutes} minutes", f"{minutes} 分钟")
    return Text(f"{seconds} seconds", f"{seconds} 秒")
