"""What `oca logout` does: revoke the tokens at the server where that is asked for, and clear the managed keys."""

from adapters.token_store.dotenv import DotenvTokenStore
from config.container import Container
from config.environment import REFRESH_TOKEN_KEY, this_environment
from config.settings import Settings
from domain.known_server import find_server_flow
from domain.logout_flow import LoggedOut, Revocation, logout_flow
from domain.tokens import TokenSet
from domain.words import Text
from entrypoints.console import Console

_CANNOT_REACH_EXIT = 5
_UPSTREAM_EXIT = 6


def log_out(container: Container, console: Console, *, revoke: bool) -> LoggedOut:
    """Raises OCAError; what could not be revoked is no error, but told in the result."""
    settings: Settings = container.settings()
    driver = container.blocking_driver()
    with console.working(Text("Logging out ...", "正在退出登录……")):
        if revoke and container.store().load() != TokenSet():
            plan = container.login_plan()
            known = driver.run(find_server_flow(plan))
            done = driver.run(logout_flow(plan, known, address=settings.authorization_server))
        else:
            done = driver.run(logout_flow(None, None, address=settings.authorization_server))
    if done.cleared and settings.oauth_token_store.get_secret_value() != "dotenv":
        # What the other store began with stands in `.env` still, and would bring a login back.
        seeds = DotenvTokenStore(path=settings.env_file)
        if seeds.load() != TokenSet():
            seeds.save(TokenSet())
    return done


def exit_code_of(done: LoggedOut) -> int:
    match done.revocation:
        case Revocation.UNREACHABLE:
            return _CANNOT_REACH_EXIT
        case Revocation.REFUSED:
            return _UPSTREAM_EXIT
        case _:
            return 0


def told_logout(settings: Settings, done: LoggedOut) -> tuple[Text, ...]:
    """What was done, and what is still to be done."""
    place, why = settings.login_place, done.why
    lines: list[Text] = []
    match done.revocation:
        case Revocation.UNREACHABLE:
            return (
                Text(
                    f"Nothing was revoked, and the login stays in {place}, since only with it can it be revoked: "
                    f"{why.en} Try again later; to forget it here all the same: oca logout",
                    f"未能吊销令牌。登录信息仍保留在 {place}，因为吊销时需要用到它：{why.zh}"
                    "请稍后重试；如果仍要清除本机的登录信息：oca logout",
                ),
            )
        case Revocation.REFUSED:
            lines.append(
                Text(
                    f"The server did not revoke the login ({why.en}). It stays good there until it expires; end it on "
                    "the server's own pages if it must not.",
                    f"服务器未吊销该登录（{why.zh}）。它在服务器上到期之前仍然有效；如需立即终止，请在服务器自己的页面上操作。",
                )
            )
        case Revocation.REVOKED:
            lines.append(Text("The server has revoked the login.", "服务器已吊销该登录。"))
        case Revocation.NOT_ASKED:
            pass
    if done.had_login:
        lines.append(Text(f"Logged out: the login is gone from {place}.", f"已退出登录：登录信息已从 {place} 清除。"))
    else:
        lines.append(Text(f"There is no login in {place}.", f"{place} 中没有登录信息。"))
    if (this_environment().get(REFRESH_TOKEN_KEY) or "").strip():
        lines.append(
            Text(
                f"The environment still holds {REFRESH_TOKEN_KEY}, which the next start takes for a login: unset it.",
                f"环境变量中仍有 {REFRESH_TOKEN_KEY}，下次启动时会把它当作登录：请取消该变量。",
            )
        )
    return tuple(lines)


def logout_document(settings: Settings, done: LoggedOut) -> dict[str, object]:
    """As JSON; the keys stay as they are."""
    return {
        "ok": done.cleared and done.revocation is not Revocation.REFUSED,
        "had_login": done.had_login,
        "cleared": done.cleared,
        "revocation": done.revocation.value,
        "why": str(done.why) or None,
        "place": settings.login_place,
        "env_file": str(settings.env_file),
    }
