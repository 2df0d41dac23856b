"""Whether a host can be reached, and how: what name look-up, direct connection and proxy mean together."""

from dataclasses import dataclass, field

from domain.advice import next_step
from domain.checkup import (
    Blame,
    Check,
    CheckName,
    CheckState,
    Detail,
    Details,
    failed,
    passed,
    skipped,
    skipped_for,
    warned,
)
from domain.errors import Cause
from domain.http import Route
from domain.words import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server that is to be reached: `keys` are those of `.env` that name it, `secure` tells https from http."""

    host: str
    port: int
    secure: bool
    keys: Text

    @property
    def authority(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What one attempt showed. `cause` is None when it went well; `words` say what happened, without an end.

    `beyond` tells that a proxy is well itself and could not get to the host, either.
    """

    words: Text
    cause: Cause | None = None
    beyond: bool = False
    details: Details = field(default_factory=dict[str, Detail])

    @property
    def well(self) -> bool:
        return self.cause is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """All that was tried for one host. None: not tried, for lack of an address, of a proxy, or of one that works."""

    names: Probe
    direct: Probe | None
    proxied: Probe | None = None

    @property
    def goes_directly(self) -> bool:
        return self.names.well and self.direct is not None and self.direct.well

    @property
    def goes_by_proxy(self) -> bool:
        return self.proxied is not None and self.proxied.well

    @property
    def route(self) -> Route | None:
        """The way that the program would take: the direct one, where it is open."""
        if self.goes_directly:
            return Route.DIRECT
        return Route.PROXY if self.goes_by_proxy else None


_BY_PROXY = Text("; the proxy is used", "；改用代理服务器")
_BESIDE = Text("; that is usual behind a proxy", "；在代理服务器之后的网络中，这是正常现象")


def judge_proxy(authority: str, probe: Probe, *, needed: bool) -> Check:
    """The check of HTTP_PROXY_URL itself. `needed`: some host cannot be reached without it."""
    if probe.cause is None:
        return passed(CheckName.PROXY, probe.words, subject=authority, details=probe.details)
    mend = next_step(probe.cause, address=Text.of("HTTP_PROXY_URL"))
    if needed:
        return failed(
            CheckName.PROXY,
            probe.words,
            subject=authority,
            mend=mend,
            fault=probe.cause.value,
            blame=Blame.UNREACHABLE,
            details=probe.details,
        )
    finding = probe.words + Text("; the direct way is open and is used", "；直连可用，因此改用直连")
    return warned(
        CheckName.PROXY, finding, subject=authority, mend=mend, fault=probe.cause.value, details=probe.details
    )


def judge_ways(target: Target, tried: Attempts, *, proxy: Check | None) -> tuple[Check, ...]:
    """The checks of the ways to a host. `proxy` is the check of the proxy itself, None where none is set.

    Where nothing works exactly one of them, or `proxy`, has failed.
    """
    proxy_broken = proxy is not None and proxy.state is CheckState.FAILED
    found: list[Check] = []
    if proxy_broken or tried.goes_by_proxy:
        found += _closed_directly(target, tried, _BY_PROXY if tried.goes_by_proxy else _BESIDE)
    elif tried.proxied is None or tried.goes_directly or tried.proxied.beyond:
        found += _directly(target, tried)
    else:
        found += _closed_directly(target, tried, _BESIDE)
    if tried.proxied is not None:
        found.append(_by_proxy(target, tried, tried.proxied))
    return tuple(found)


def way_to(target: Target) -> tuple[str, ...]:
    """The ids of the checks of the ways to a host; where there is none, one of these has failed, or the proxy's."""
    subjects = (
        (CheckName.DNS, target.host),
        (CheckName.DIRECT, target.authority),
        (CheckName.VIA_PROXY, target.authority),
    )
    return tuple(f"{name.value}:{subject}" for name, subject in subjects)


def _directly(target: Target, tried: Attempts) -> list[Check]:
    names, direct = tried.names, tried.direct
    if names.cause is not None:
        unknown = _failed(CheckName.DNS, target, names, subject=target.host)
        return [unknown, skipped_for(unknown, CheckName.DIRECT, subject=target.authority)]
    found = [passed(CheckName.DNS, names.words, subject=target.host, details=names.details)]
    if direct is not None and direct.cause is not None:
        found.append(_failed(CheckName.DIRECT, target, direct, subject=target.authority))
    elif direct is not None:
        found.append(passed(CheckName.DIRECT, direct.words, subject=target.authority, details=direct.details))
    return found


def _closed_directly(target: Target, tried: Attempts, note: Text) -> list[Check]:
    """The direct way where it does not count: a proxy is there for it, or is what fails."""
    names, direct = tried.names, tried.direct
    if tried.goes_directly:
        return _directly(target, tried)
    if names.cause is not None:
        return [
            skipped(CheckName.DNS, names.words + note, subject=target.host),
            skipped(
                CheckName.DIRECT, Text("no address is known here", "本机不知道其地址") + note, subject=target.authority
            ),
        ]
    found = [passed(CheckName.DNS, names.words, subject=target.host, details=names.details)]
    if direct is not None and direct.cause is not None:
        found.append(
            warned(
                CheckName.DIRECT,
                direct.words + note,
                subject=target.authority,
                mend=None,
                fault=direct.cause.value,
                details=direct.details,
            )
        )
    return found


def _by_proxy(target: Target, tried: Attempts, proxied: Probe) -> Check:
    if proxied.cause is None:
        return passed(CheckName.VIA_PROXY, proxied.words, subject=target.authority, details=proxied.details)
    if tried.goes_directly or proxied.beyond:
        used = Text("; the direct way is open and is used", "；直连可用，因此改用直连")
        neither = Text("; nor is it reached directly", "；直连也无法到达")
        return warned(
            CheckName.VIA_PROXY,
            proxied.words + (used if tried.goes_directly else neither),
            subject=target.authority,
            mend=None,
            fault=proxied.cause.value,
            details=proxied.details,
        )
    return _failed(CheckName.VIA_PROXY, target, proxied, subject=target.authority)


def _failed(name: CheckName, target: Target, probe: Probe, *, subject: str) -> Check:
    cause = probe.cause or Cause.OTHER
    return failed(
        name,
        probe.words,
        subject=subject,
        mend=next_step(cause, address=target.keys),
        fault=cause.value,
        blame=Blame.UNREACHABLE,
        details=probe.details,
    )
