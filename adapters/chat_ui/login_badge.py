"""How the login stands, as a line in the sidebar. It never holds a token."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from adapters.chat_ui.texts import Texts
from domain.conversation import TroubleKind
from domain.errors import TokenError
from domain.flows import LoginStatus
from domain.tokens import TokenState
from domain.words import Text
from ports.gateway import ChatGateway

_LOOK_AGAIN = timedelta(seconds=20)
_MINUTE = timedelta(minutes=1)


def draw_login_badge(gateway: ChatGateway, mend: str | Text, texts: Texts) -> None:
    """Draw it, and look again now and then. `mend` is how to log in again."""

    # Made a fragment here, not by a decorator: that one would ask for a running script at import time.
    def look() -> None:
        try:
            status = gateway.login_status()
        except TokenError as error:
            st.badge(texts.login_trouble, icon=":material/error:", color="red")
            st.caption(error.told_in(texts.spoken))
            return
        _draw(status, mend, texts)

    st.fragment(look, run_every=_LOOK_AGAIN)()


def _draw(status: LoginStatus, mend: str | Text, texts: Texts) -> None:
    now = datetime.now(UTC)  # noqa: TID251 - told to a person, decides nothing
    over = status.setback is not None and status.setback.until is None
    if status.state is None:
        st.badge(texts.login_key, icon=":material/key:", color="green")
    elif over or (not status.has_refresh_token and status.state is TokenState.EXPIRED):
        st.badge(texts.login_needed, icon=":material/lock:", color="red")
        st.caption(texts.told(mend) or texts.advice[TroubleKind.LOGIN_REQUIRED].next_step)
    elif status.state is TokenState.EXPIRED or status.expires_at is None:
        st.badge(texts.login_next_question, icon=":material/schedule:", color="gray")
    else:
        st.badge(
            texts.login_until.format(time=_clock_time(status.expires_at)),
            icon=":material/check_circle:",
            color="green",
            help=_renewed(status.issued_at, now, texts),
        )
        st.caption(_renewed(status.issued_at, now, texts) or "")


def _renewed(issued_at: datetime | None, now: datetime, texts: Texts) -> str | None:
    if issued_at is None:
        return None
    minutes = int((now - issued_at) / _MINUTE)
    return texts.login_renewed_now if minutes < 1 else texts.login_renewed.format(minutes=minutes)


def _clock_time(moment: datetime) -> str:
    """Hours and minutes where the person is, as far as the browser tells."""
    try:
        zone = ZoneInfo(st.context.timezone or "")
    except (ZoneInfoNotFoundError, ValueError, TypeError):
        return f"{moment.astimezone():%H:%M}"
    return f"{moment.astimezone(zone):%H:%M}"
