"""A check-up for people: what it was made with, a line for each check, and a last one that counts them.

It is made to be pasted into a bug report, so it goes to standard output, and holds no secret and no home folder.
"""

import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from domain.checkup import Check, CheckState, Findings
from domain.words import Text
from entrypoints.console import Console, can_write

_LIBRARIES = ("langchain-core", "httpx", "requests")
_SIGNS = {CheckState.PASSED: "✓", CheckState.FAILED: "✗", CheckState.WARNED: "!", CheckState.SKIPPED: "–"}
_PLAIN_SIGNS = {
    CheckState.PASSED: "OK  ",
    CheckState.FAILED: "FAIL",
    CheckState.WARNED: "WARN",
    CheckState.SKIPPED: "SKIP",
}
_COLOURS = {CheckState.PASSED: 32, CheckState.FAILED: 31, CheckState.WARNED: 33, CheckState.SKIPPED: 2}
_COUNTED = {
    CheckState.PASSED: Text("passed", "项通过"),
    CheckState.FAILED: Text("failed", "项失败"),
    CheckState.WARNED: Text("warned", "项警告"),
    CheckState.SKIPPED: Text("skipped", "项跳过"),
}


def surroundings() -> dict[str, str]:
    """What the program runs on."""
    libraries = {name: _version(name) for name in _LIBRARIES}
    return {
        "oca-gateway": _version("oca-gateway"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        **libraries,
    }


class Screen:
    """Draws on standard output: signs and colours on a terminal, words in ASCII elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        terminal = sys.stdout.isatty()
        self._coloured = terminal and console.coloured
        self._signs = _SIGNS if terminal and can_write(sys.stdout, "".join(_SIGNS.values())) else _PLAIN_SIGNS

    def head(self, facts: Mapping[str, str], hosts: Mapping[str, str]) -> None:
        told = ", ".join(f"{name} {value}" for name, value in facts.items())
        self._console.data(told)
        for key, host in hosts.items():
            self._console.data(f"{key}: {host}")
        self._console.data("")

    def draw(self, check: Check) -> None:
        told = self._console.told
        sign = self._signs[check.state]
        if self._coloured:
            sign = f"\x1b[{_COLOURS[check.state]}m{sign}\x1b[0m"
        colon = Text(": ", "：")
        self._console.data(f"{sign} {told(check.title)}{told(colon)}{told(check.finding)}")
        if check.mend is not None:
            self._console.data(f"{' ' * (len(self._signs[check.state]) + 1)}-> {told(check.mend)}")

    def count(self, findings: Findings, *, interrupted: bool) -> None:
        told = self._console.told
        parts = [f"{findings.count(state)} {told(words)}" for state, words in _COUNTED.items() if findings.count(state)]
        self._console.data("")
        if interrupted:
            parts.append(told(Text("interrupted: the rest was not checked", "已中断：其余未检查")))
        self._console.data(told(Text(", ", "，")).join(parts))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # pragma: no cover - run from a copy of the source
        return "-"
