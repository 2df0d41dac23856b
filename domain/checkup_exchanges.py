"""What a failed exchange, or an unexpected answer, means for a check."""

from dataclasses import dataclass
from datetime import timedelta

from domain.advice import next_step
from domain.checkup import NO_DETAILS, Blame, Check, CheckName, Detail, Details, failed, skipped_beside
from domain.errors import ConnectionLostError, NotConnectedError, ResponseTimeoutError, TransportError
from domain.http import Headers, HttpResponse, find_header
from domain.pages import is_page, page_told
from domain.words import Text

_REQUEST_IDS = ("x-request-id", "opc-request-id", "request-id", "x-amzn-requestid", "cf-ray")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked: for which check, at an address of which key of `.env`, and how long it was waited.

    `limit_key` is the setting that limits the wait for an answer, "" where there is none; `allowed` is what it allows,
    where the check-up does not wait for so long.
    """

    name: CheckName
    key: Text
    connect: timedelta
    limit: timedelta
    limit_key: str = ""
    allowed: timedelta | None = None


def failed_exchange(asked: Asked, error: TransportError) -> Check:
    """The check for which no answer came. It tells which of the two time-outs it was."""
    mend = next_step(error.cause, address=asked.key, connect_limit=asked.connect)
    match error:
        case NotConnectedError(timed_out=True):
            seconds = f"{asked.connect.total_seconds():g}"
            finding = Text(
                f"no connection within {seconds} s (CONNECTION_TIMEOUT)",
                f"{seconds} 秒（CONNECTION_TIMEOUT）内未能建立连接",
            )
            fault = "connect_timeout"
        case ResponseTimeoutError():
            return _no_answer(asked)
        case NotConnectedError():
            finding, fault = error.text.without_end(), error.cause.value
        case ConnectionLostError():
            finding, fault = error.text.without_end(), "connection_lost"
            mend = Text(
                f"Something on the way, or the server of {asked.key.en}, hung up: try again, then ask who runs it.",
                f"途中的设备或 {asked.key.zh} 的服务器断开了连接：请重试；若仍失败，请询问其管理员。",
            )
        case _:
            finding, fault = error.text.without_end(), "too_large"
    return failed(asked.name, finding, mend=mend, fault=fault, blame=Blame.UNREACHABLE)


def _no_answer(asked: Asked) -> Check:
    seconds = f"{asked.limit.total_seconds():g}"
    if asked.limit_key:
        finding = Text(
            f"connected, and no answer within {seconds} s ({asked.limit_key})",
            f"已连接，但 {seconds} 秒（{asked.limit_key}）内没有应答",
        )
        if asked.allowed is not None and asked.allowed > asked.limit:
            allowed = f"{asked.allowed.total_seconds():g}"
            finding = Text(
                f"connected, and no answer within {seconds} s ({asked.limit_key} allows {allowed} s)",
                f"已连接，但 {seconds} 秒内没有应答（{asked.limit_key} 允许 {allowed} 秒）",
            )
        mend = Text(
            f"The server is slow or hangs: ask who runs it; if it needs longer, raise {asked.limit_key}.",
            f"服务器响应过慢或没有响应：请询问其管理员；如果确实需要更久，请调大 {asked.limit_key}。",
        )
    else:
        finding = Text(f"connected, and no answer within {seconds} s", f"已连接，但 {seconds} 秒内没有应答")
        mend = Text("The server is slow or hangs: ask who runs it.", "服务器响应过慢或没有响应：请询问其管理员。")
    return failed(asked.name, finding, mend=mend, fault="answer_timeout", blame=Blame.UNREACHABLE)


def page_instead(asked: Asked, body: bytes, *, status: int, details: Details = NO_DETAILS) -> Check:
    """The check that got an HTML page where JSON was due."""
    page = page_told(body)
    return failed(
        asked.name,
        Text(
            f"answered with {page.en} instead of JSON (status {status})",
            f"返回的是{page.zh}，而不是 JSON（状态码 {status}）",
        ),
        mend=Text(
            "A login page of the network (captive portal) or a proxy answers in the server's place: open a browser and "
            f"log in to the network; else check {asked.key.en}.",
            "应答的可能是网络登录页（强制门户）或代理服务器，而不是目标服务器：请打开浏览器登录网络；"
            f"否则请检查 {asked.key.zh}。",
        ),
        fault="html",
        blame=Blame.UPSTREAM,
        details={"status": status, **details},
    )


def told_once(check: Check, known: Check | None) -> Check:
    """The check; skipped if it has failed of what that one tells of already, and what one mend ends.

    An address and a limit are each setting's own, and so are their failures.
    """
    if (
        known is None
        or known.fault != check.fault
        or not (check.fault in {"html", "forbidden"} or check.fault.startswith("status_"))
    ):
        return check
    return skipped_beside(known, check.name)


def unexpected(asked: Asked, response: HttpResponse, *, said: str) -> Check:
    """The check for an error status that has no meaning of its own there; `said` is the server's explanation."""
    status = response.status
    details = request_id_of(response.headers)
    if 300 <= status < 400:  # noqa: PLR2004
        return failed(
            asked.name,
            Text(f"answered with a redirect (status {status})", f"返回了重定向（状态码 {status}）"),
            mend=Text(
                f"It is not followed, since it would carry the token elsewhere. Check {asked.key.en}: https, full "
                "path? Or a login page of the network (captive portal) is in between: open a browser.",
                f"不会跟随重定向，以免把令牌带到别处。请检查 {asked.key.zh}：是否为 https、路径是否完整？"
                "也可能是网络登录页（强制门户）所致：请打开浏览器登录网络。",
            ),
            fault="redirect",
            blame=Blame.UPSTREAM,
            details={"status": status, **details},
        )
    if is_page(response.body):
        return page_instead(asked, response.body, status=status, details=details)
    told = Text(f"status {status}", f"状态码 {status}") + (Text(f": {said}", f"：{said}") if said else "")
    if status == 404:  # noqa: PLR2004
        return failed(
            asked.name,
            Text("nothing at that address (", "该地址不存在（") + told + Text(")", "）"),
            mend=Text(f"Check the path in {asked.key.en}.", f"请检查 {asked.key.zh} 中的路径。"),
            fault="not_found",
            blame=Blame.UPSTREAM,
            details={"status": status, **details},
        )
    busy = Text(
        "The server is busy or ill: try again later, or ask who runs it.",
        "服务器繁忙或出现故障：请稍后重试，或询问其管理员。",
    )
    refused = Text(
        f"The server understands the request and refuses it: see what it says, check {asked.key.en}.",
        f"服务器拒绝了请求：请查看其说明，并检查 {asked.key.zh}。",
    )
    return failed(
        asked.name,
        told,
        mend=busy if status >= 500 or status == 429 else refused,  # noqa: PLR2004
        fault=f"status_{status}",
        blame=Blame.UPSTREAM,
        details={"status": status, **details},
    )


def not_json(asked: Asked, finding: Text, body: bytes, *, status: int) -> Check:
    """The check whose answer cannot be read; `finding` says what was amiss."""
    if is_page(body):
        return page_instead(asked, body, status=status)
    return failed(
        asked.name,
        finding,
        mend=Text(f"Is {asked.key.en} the right address? Check it.", f"请检查 {asked.key.zh} 是否正确。"),
        fault="unreadable_answer",
        blame=Blame.UPSTREAM,
        details={"status": status},
    )


def request_id_of(headers: Headers) -> dict[str, Detail]:
    """The name under which the server's support finds the exchange."""
    found = next((value for name in _REQUEST_IDS if (value := find_header(headers, name))), None)
    return {} if found is None else {"request_id": found[:100]}
