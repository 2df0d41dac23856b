"""What a check-up finds: each check as a value, and what cannot be told once something else has failed.

A check that stands on a failed one is skipped and names it, so that one fault is one failed line. What is found out
from what, probe by probe, stands in `domain.checkup_ways`, `domain.checkup_tls` and `domain.checkup_streaming`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType

from domain.words import Text

Detail = str | int | float | bool | None
Details = Mapping[str, Detail]
NO_DETAILS: Details = MappingProxyType({})
# Subjects of the check of `.env`: its permissions, and the line of this number.
FILE_MODE = "mode"
FILE_LINE = "line "


class CheckState(Enum):
    """How a check ended. WARNED: it works, and something is not as it should be."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"
    SKIPPED = "skipped"


class Blame(Enum):
    """Where a failure is to be mended; in the order in which they are to be mended."""

    CONFIGURATION = "configuration"
    LOGIN = "login"
    UNREACHABLE = "unreachable"
    UPSTREAM = "upstream"
    OTHER = "other"


class CheckName(Enum):
    """What is checked, in the order in which it is. A value is stable: programs may read it."""

    ENV_FILE = "env_file"
    SETTINGS = "settings"
    TOKEN_STORE = "token_store"  # noqa: S105 - a name
    CERTIFICATES = "certificates"
    DNS = "dns"
    DIRECT = "direct"
    PROXY = "proxy"
    VIA_PROXY = "via_proxy"
    CLOCK = "clock"
    TLS = "tls"
    TOKEN_ENDPOINT = "token_endpoint"  # noqa: S105 - a name
    TOKEN = "token"  # noqa: S105 - a name
    MODELS = "models"
    CHAT = "chat"
    STREAM = "stream"


TITLES: Mapping[CheckName, Text] = {
    CheckName.ENV_FILE: Text(".env file", ".env 文件"),
    CheckName.SETTINGS: Text("Settings", "配置项"),
    CheckName.TOKEN_STORE: Text("Token store", "令牌存储"),
    CheckName.CERTIFICATES: Text("Trusted CAs", "受信任的 CA"),
    CheckName.DNS: Text("DNS", "域名解析"),
    CheckName.DIRECT: Text("TCP, direct", "TCP 直连"),
    CheckName.PROXY: Text("Proxy", "代理服务器"),
    CheckName.VIA_PROXY: Text("By proxy", "经代理连接"),
    CheckName.CLOCK: Text("Clock", "时钟"),
    CheckName.TLS: Text("TLS", "TLS"),
    CheckName.TOKEN_ENDPOINT: Text("Token endpoint", "令牌端点"),
    CheckName.TOKEN: Text("Access token", "访问令牌"),
    CheckName.MODELS: Text("Model list", "模型列表"),
    CheckName.CHAT: Text("One-token chat", "单 token 对话"),
    CheckName.STREAM: Text("Streaming", "流式输出"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of a check-up.

    `subject` is the key of `.env` or the `host:port` that is meant, "" where there is but one. `fault` is a stable word
    for what is wrong. `blame` is that of a failed check, `because` the id of the failed check for whose sake this one
    was skipped. `details` are facts for those who help.
    """

    name: CheckName
    state: CheckState
    finding: Text
    subject: str = ""
    mend: Text | None = None
    fault: str = ""
    blame: Blame | None = None
    because: str = ""
    details: Details = field(default_factory=dict[str, Detail])

    @property
    def id(self) -> str:
        """Stable: the same thing checked on another day has the same one."""
        return f"{self.name.value}:{self.subject}" if self.subject else self.name.value

    @property
    def title(self) -> Text:
        title = TITLES[self.name]
        return title + " " + subject_told(self.subject) if self.subject else title


def subject_told(subject: str) -> Text:
    """A subject for people: those that are words, and no names, have their Chinese."""
    if subject == FILE_MODE:
        return Text(subject, "权限")
    number = subject.removeprefix(FILE_LINE)
    return Text(subject, f"第 {number} 行") if number != subject and number.isdigit() else Text.of(subject)


def passed(name: CheckName, finding: Text, *, subject: str = "", details: Details = NO_DETAILS) -> Check:
    return Check(name=name, state=CheckState.PASSED, finding=finding, subject=subject, details=details)


def failed(
    name: CheckName,
    finding: Text,
    *,
    mend: Text,
    fault: str,
    blame: Blame,
    subject: str = "",
    details: Details = NO_DETAILS,
) -> Check:
    return Check(
        name=name,
        state=CheckState.FAILED,
        finding=finding,
        subject=subject,
        mend=mend,
        fault=fault,
        blame=blame,
        details=details,
    )


def warned(
    name: CheckName, finding: Text, *, mend: Text | None, fault: str, subject: str = "", details: Details = NO_DETAILS
) -> Check:
    return Check(
        name=name, state=CheckState.WARNED, finding=finding, subject=subject, mend=mend, fault=fault, details=details
    )


def skipped(name: CheckName, finding: Text, *, subject: str = "") -> Check:
    """A check that does not apply."""
    return Check(name=name, state=CheckState.SKIPPED, finding=finding, subject=subject)


def skipped_for(obstacle: Check, name: CheckName, *, subject: str = "") -> Check:
    """A check that cannot tell anything as long as that one fails."""
    title = obstacle.title
    return Check(
        name=name,
        state=CheckState.SKIPPED,
        finding=Text(f"not checked: first mend {title.en}", f"未检查：请先解决“{title.zh}”"),
        subject=subject,
        because=obstacle.id,
    )


def skipped_beside(known: Check, name: CheckName, *, subject: str = "") -> Check:
    """A check that has found the fault of which that one tells already."""
    title = known.title
    finding = Text(f"the same fault: first mend {title.en}", f"原因相同：请先解决“{title.zh}”")
    return replace(skipped_for(known, name, subject=subject), finding=finding)


class Findings:
    """The checks of one check-up, in their order; grows as they come."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def __iter__(self) -> Iterator[Check]:
        return iter(self._checks.values())

    def __contains__(self, check_id: str) -> bool:
        return check_id in self._checks

    def add(self, check: Check) -> Check:
        """Note a check, and return it. What was said under its id before is kept."""
        return self._checks.setdefault(check.id, check)

    def obstacle(self, *check_ids: str) -> Check | None:
        """The first failed check among these, or the one for whose sake one of these was skipped."""
        for check_id in check_ids:
            check = self._checks.get(check_id)
            if check is None:
                continue
            if check.state is CheckState.FAILED:
                return check
            if check.because:
                return self._checks.get(check.because, check)
        return None

    def count(self, state: CheckState) -> int:
        return sum(check.state is state for check in self)

    @property
    def worst(self) -> Blame | None:
        """Whose turn it is: the first blame, in their order, of the failed checks; None when none has failed."""
        blamed = {check.blame or Blame.OTHER for check in self if check.state is CheckState.FAILED}
        return next((blame for blame in Blame if blame in blamed), None)
