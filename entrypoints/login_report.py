"""What a person is told of a login that has come about, and a script."""

from datetime import UTC, datetime

from config.settings import Settings
from domain.login_flows import LoggedIn
from domain.token_events import clock_skew_warning
from domain.words import Text
from entrypoints.logging_in import Way
from entrypoints.moments import moment_told


def told_login(settings: Settings, logged_in: LoggedIn, now: datetime) -> tuple[Text, ...]:
    """Who, where and until when; then what is still to be done, if anything is."""
    person, place, ends_at = logged_in.person, settings.login_place, logged_in.tokens.expires_at
    who = "" if person is None else str(person)
    as_whom = Text(f" as {who}", f"，身份为 {who}") if who else Text("", "")
    server = settings.authorization_server
    lines = [
        Text(f"Logged in{as_whom.en} at {server}.", f"已登录 {server}{as_whom.zh}。"),
        Text(f"The login is kept in {place}.", f"登录信息保存在 {place}。"),
    ]
    if ends_at is not None:
        until = moment_told(ends_at, now)
        lines.append(
            Text(
                f"The access token lasts until {until.en}, and is renewed by itself.",
                f"访问令牌有效期至 {until.zh}，届时自动续期。",
            )
        )
    return (*lines, *warnings_of(settings, logged_in))


def warnings_of(settings: Settings, logged_in: LoggedIn) -> tuple[Text, ...]:
    """What keeps this login from being of use, and the mend."""
    found: list[Text] = []
    if logged_in.unremembered is not None and logged_in.token_endpoint != settings.token_endpoint:
        endpoint = logged_in.token_endpoint
        told = logged_in.unremembered.text
        found.append(
            told
            + Text(
                f" Without it the login cannot be renewed: put OAUTH_TOKEN_URL={endpoint} into {settings.env_file}",
                f"否则登录无法续期：请在 {settings.env_file} 中写入 OAUTH_TOKEN_URL={endpoint}",
            )
        )
    if settings.llm_api_key is not None:
        found.append(
            Text(
                "LLM_API_KEY is set and takes the place of this login: remove it to use the login.",
                "已设置 LLM_API_KEY，它会代替此登录：如需使用登录，请删除该项。",
            )
        )
    skew = logged_in.clock_skew
    warning = clock_skew_warning(None if skew is None else skew.total_seconds())
    return tuple(found if warning is None else [*found, warning])


def login_document(settings: Settings, way: Way, logged_in: LoggedIn) -> dict[str, object]:
    """As JSON, without a token; every key is always there, null is what nobody knows."""
    person, ends_at = logged_in.person, logged_in.tokens.expires_at
    return {
        "ok": True,
        "way": way.value,
        "who": None
        if person is None
        else {"sub": person.subject, "name": person.name or None, "email": person.email or None},
        "server": settings.authorization_server,
        "token_endpoint": logged_in.token_endpoint,
        "client_id": settings.oauth_client_id,
        "place": settings.login_place,
        "env_file": str(settings.env_file),
        "access_token_expires_at": None if ends_at is None else ends_at.astimezone(UTC).isoformat(),
        "warnings": [str(each) for each in warnings_of(settings, logged_in)],
    }
