"""`oca doctor` from beginning to end: a check-up, told as it goes or as one document, and its exit code."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from config.settings import Settings
from domain.checkup import Blame, Check, CheckState, Findings
from domain.words import Text
from entrypoints.checkup import Checkup
from entrypoints.checkup_screen import Screen, surroundings
from entrypoints.checkup_settings import read_settings
from entrypoints.checkup_veil import Veil
from entrypoints.console import Console

INTERRUPTED_EXIT = 130
_EXITS = {Blame.CONFIGURATION: 3, Blame.LOGIN: 4, Blame.UNREACHABLE: 5, Blame.UPSTREAM: 6, Blame.OTHER: 1}


def check_up(
    console: Console, env_file: Path | None, *, as_json: bool, offline: bool, environ: Mapping[str, str] | None = None
) -> int:
    """Check everything, tell it, and return the exit code: that of the failure to be mended first.

    `environ` stands in for the process's environment.
    """
    reading = read_settings(env_file, environ)
    veil = Veil(reading.values, home=Path.home())
    checkup = Checkup(reading, veil, offline=offline)
    facts = surroundings()
    hosts = {key: veil.plain(host) for key, host in _hosts(reading.settings).items()}
    screen = None if as_json else Screen(console)
    if screen is not None:
        screen.head(facts, hosts)
    interrupted = False
    try:
        for check in _shown(checkup.run(), console):
            if screen is not None:
                screen.draw(check)
    except KeyboardInterrupt:
        interrupted = True
    worst = checkup.findings.worst
    code = INTERRUPTED_EXIT if interrupted else 0 if worst is None else _EXITS[worst]
    if screen is not None:
        screen.count(checkup.findings, interrupted=interrupted)
    else:
        console.document(_document(checkup.findings, console, facts, hosts, code))
    return code


def _shown(checks: Iterator[Check], console: Console) -> Iterator[Check]:
    """Each check; while it is awaited, a line tells that the program lives."""
    while True:
        with console.working(Text("Checking ...", "正在检查……")):
            check = next(checks, None)
        if check is None:
            return
        yield check


def _document(
    findings: Findings, console: Console, facts: Mapping[str, str], hosts: Mapping[str, str], code: int
) -> dict[str, object]:
    return {
        "surroundings": facts,
        "hosts": hosts,
        "checks": [_entry(check, console) for check in findings],
        "counts": {state.value: findings.count(state) for state in CheckState},
        "interrupted": code == INTERRUPTED_EXIT,
        "exit_code": code,
    }


def _entry(check: Check, console: Console) -> dict[str, object]:
    return {
        "id": check.id,
        "check": check.name.value,
        "subject": check.subject,
        "state": check.state.value,
        "fault": check.fault or None,
        "blame": None if check.blame is None else check.blame.value,
        "because": check.because or None,
        "finding": console.told(check.finding),
        "mend": None if check.mend is None else console.told(check.mend),
        "details": dict(check.details),
    }


def _hosts(settings: Settings) -> dict[str, str]:
    """Who is meant, without paths, queries and credentials."""
    addresses = {
        "OAUTH_TOKEN_URL": settings.oauth_token_url,
        "OAUTH_HOST": settings.oauth_host if settings.oauth_token_url is None else None,
        "LLM_API_URL": settings.llm_api_url,
        "LLM_MODELS_API_URL": settings.llm_models_api_url,
        "HTTP_PROXY_URL": None if settings.http_proxy_url is None else settings.http_proxy_url.get_secret_value(),
    }
    return {key: _host(address) for key, address in addresses.items() if address}


def _host(address: str) -> str:
    parts = urlsplit(address if "://" in address else f"//{address}")
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}" if parts.scheme else place
