"""What a check-up finds out about a login beyond what the store shows."""

from adapters.checkup.login import dead_login, not_renewed
from adapters.token_store.files import Files
from adapters.token_store.journal_file import read_journal
from adapters.token_store.sidecar import sidecar_of
from config.container import Container
from config.settings import Settings
from domain.checkup import Check
from domain.errors import OCAError
from domain.flows import login_status_flow
from domain.refreshing import Login
from domain.words import Text


def is_untried(container: Container) -> bool:
    """Whether the refresh token in `.env` was put there by hand, and has never bought anything.

    The access token beside it was bought by the one that the journal knows, and tells nothing of this one. Where there
    is no journal it may be a copy, whose original would lose its login if this one were tried.
    """
    settings: Settings = container.settings()
    if settings.oauth_token_store.get_secret_value() != "dotenv":
        return False
    tokens = container.store().load()
    bought = read_journal(Files(), sidecar_of(settings.env_file.resolve())).tokens
    return (
        None not in {tokens.access_token, tokens.refresh_token, bought.refresh_token}
        and bought.access_token == tokens.access_token
        and bought.refresh_token != tokens.refresh_token
    )


def why_dead(container: Container, credential: Login) -> Text | None:
    """Why the authorization server has refused the refresh token for good, if it has."""
    setback = container.blocking_driver().run(login_status_flow(credential)).setback
    return Text.of(setback.reason) if setback is not None and setback.until is None else None


def told_dead(check: Check, container: Container, credential: Login) -> Check:
    """The check of a login that was found dead just now, in the words in which it is told from now on."""
    reason = why_dead(container, credential) if check.fault == "dead_login" else None
    return check if reason is None else dead_login(reason, container.settings().mend)


def told_unrenewed(refused: Check, error: OCAError, container: Container, credential: Login) -> Check:
    """The check that found an access token refused, told by what keeps it from being renewed."""
    reason = why_dead(container, credential)
    return not_renewed(refused, error, reason=reason, mend=container.settings().mend)
