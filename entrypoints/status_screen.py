"""The report of `oca status` for people."""

from collections.abc import Iterator

from domain.token_events import HistoryEntry, TokenEventKind
from domain.words import Text
from entrypoints.console import Console
from entrypoints.moments import clock_time, moment_told, seconds_told
from entrypoints.status_report import AccessTokenState, LoginState, StatusReport
from entrypoints.tables import Cell, columns, harmless, paragraph

_LOGINS = {
    LoginState.FINE: (Text("fine", "正常"), "green"),
    LoginState.FAILING: (Text("the last renewal failed; the login is kept", "上次续期失败；登录仍然保留"), "yellow"),
    LoginState.DEAD: (
        Text("dead: the server has refused it, log in again", "已失效：服务器拒绝了它，请重新登录"),
        "red",
    ),
    LoginState.NONE: (Text("there is none, log in", "尚未登录，请先登录"), "red"),
    LoginState.API_KEY: (
        Text("none is needed: LLM_API_KEY is used in its place", "不需要：使用 LLM_API_KEY 代替登录"),
        "green",
    ),
}
_ACCESS_TOKENS = {
    AccessTokenState.FRESH: Text("good", "有效"),
    AccessTokenState.STALE: Text("good, and due to be renewed", "有效，即将续期"),
    AccessTokenState.EXPIRED: Text("expired", "已过期"),
    AccessTokenState.UNKNOWN: Text(
        "there is one, and nobody knows how long it lasts", "有访问令牌，但不知道它何时到期"
    ),
    AccessTokenState.NONE: Text("there is none", "没有"),
}
_EVENTS = {
    TokenEventKind.REFRESHED: (Text("refreshed", "已续期"), "green"),
    TokenEventKind.ADOPTED: (Text("adopted", "已采用"), ""),
    TokenEventKind.FAILED: (Text("failed", "失败"), "yellow"),
    TokenEventKind.DEAD: (Text("dead", "已失效"), "red"),
    TokenEventKind.UNSAVED: (Text("unsaved", "未保存"), "red"),
    TokenEventKind.LOGGED_IN: (Text("logged in", "已登录"), "green"),
    TokenEventKind.LOGGED_OUT: (Text("logged out", "已退出登录"), ""),
}
_EVENT_HEADER = (Text("When", "时间"), Text("What", "事件"), Text("Who", "进程"), Text("Details", "详情"))


def screen(report: StatusReport, console: Console) -> str:
    """Facts, troubles with their mends, the last events; paragraphs of text, with colours on a terminal only."""
    told = console.told
    style = "yellow" if report.exit_code == 0 else "red"
    parts = [columns(console, [(Cell(told(label), "bold"), cell) for label, cell in _facts(report, console)])]
    parts += [paragraph(console, told(trouble), style) for trouble in report.troubles]
    if report.events:
        rows = [_event_row(entry, console) for entry in report.events]
        parts.append(columns(console, rows, header=[told(each) for each in _EVENT_HEADER]))
    return "\n\n".join(parts)


def _facts(report: StatusReport, console: Console) -> Iterator[tuple[Text, Cell]]:
    told = console.told
    words, style = _LOGINS[report.login]
    yield Text("Login", "登录"), Cell(told(words), style)
    if report.login is LoginState.API_KEY:
        yield Text("Settings", "配置"), Cell(str(report.env_file))
        return
    able = Text("writable", "可写") if report.store_trouble is None else Text("cannot be written", "不可写")
    if report.person is not None:
        yield Text("Who", "身份"), Cell(harmless(str(report.person)))
    yield Text("Kept in", "保存位置"), Cell(f"{told(report.place)} ({told(able)})")
    client = f"client {report.client_id}" if report.client_id else Text("no client id", "没有客户端 ID")
    server = report.token_endpoint or told(Text("unknown", "未知"))
    yield Text("Server", "服务器"), Cell(f"{server}, {told(client)}")
    yield Text("Access token", "访问令牌"), Cell(told(_access_token(report)))
    yield Text("Last renewal", "上次续期"), Cell(told(_last_refresh(report)))
    for label, text in _prospects(report):
        yield label, Cell(told(text))


def _prospects(report: StatusReport) -> Iterator[tuple[Text, Text]]:
    """What comes next, and what has not come off."""
    now = report.now
    if report.next_refresh_at is not None:
        due = Text("with the next use", "下次使用时")
        if report.next_refresh_at > now:
            due = moment_told(report.next_refresh_at, now)
        yield Text("Next renewal", "下次续期"), Text("due ", "") + due
    failure = report.failure
    if failure is not None and failure.next_attempt_at is not None:
        since, last = moment_told(failure.since, now), clock_time(failure.last_at)
        yield (
            Text("Failing", "持续失败"),
            Text(
                f"since {since.en}, {failure.attempts} in a row, last {last}",
                f"始于 {since.zh}，已连续失败 {failure.attempts} 次，最近一次在 {last}",
            ),
        )
    elif failure is not None:
        yield Text("Refused", "被拒绝"), moment_told(failure.last_at, now)
    if report.unanswered_at is not None:
        sent = moment_told(report.unanswered_at, now)
        yield Text("Unanswered", "未得到应答"), Text(f"a request of {sent.en}", f"{sent.zh} 发出的请求")
    if report.clock_skew_seconds is not None:
        yield Text("Clock", "时钟"), _clock(report.clock_skew_seconds)


def _access_token(report: StatusReport) -> Text:
    words = _ACCESS_TOKENS[report.access_token]
    if report.expires_at is None:
        return words
    end = moment_told(report.expires_at, report.now)
    if report.access_token is AccessTokenState.EXPIRED:
        return Text(f"{words.en} since {end.en}", f"{words.zh}，到期时间 {end.zh}")
    return Text(f"{words.en}, until {end.en}", f"{words.zh}，到期时间 {end.zh}")


def _clock(skew_seconds: float) -> Text:
    # The server tells whole seconds, and its answer travels.
    if abs(skew_seconds) < 2:  # noqa: PLR2004
        return Text("agrees with the server's", "与服务器一致")
    off = f"{abs(skew_seconds):.0f}"
    if skew_seconds > 0:
        return Text(f"the server's is {off} s ahead", f"服务器的时钟快 {off} 秒")
    return Text(f"the server's is {off} s behind", f"服务器的时钟慢 {off} 秒")


def _last_refresh(report: StatusReport) -> Text:
    if report.last_refresh_at is None:
        return Text("none that is known of", "没有记录")
    entry = report.last_refresh
    when = moment_told(report.last_refresh_at, report.now)
    if entry is None:
        return when
    if entry.event.kind is TokenEventKind.LOGGED_IN:
        return Text(f"{when.en}, by a login, {_who(entry)}", f"{when.zh}，由登录完成，{_who(entry)}")
    took = _took(entry)
    return Text(f"{when.en}, by {_who(entry)}, {took.en}", f"{when.zh}，由 {_who(entry)} 完成，{took.zh}")


def _event_row(entry: HistoryEntry, console: Console) -> tuple[Cell, ...]:
    told = console.told
    words, style = _EVENTS[entry.event.kind]
    details = _took(entry) if entry.event.kind is TokenEventKind.REFRESHED else Text.of(entry.event.why)
    return Cell(clock_time(entry.at)), Cell(told(words), style), Cell(_who(entry)), Cell(told(details))


def _who(entry: HistoryEntry) -> str:
    return f"{entry.program}, pid {entry.pid} on {entry.host}"


def _took(entry: HistoryEntry) -> Text:
    took = seconds_told(entry.event.took_seconds)
    if entry.event.rotated:
        return Text(f"took {took.en}, refresh token replaced", f"用时 {took.zh}，刷新令牌已更换")
    return Text(f"took {took.en}, refresh token kept", f"用时 {took.zh}，刷新令牌未变")
