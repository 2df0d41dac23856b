"""Login presets: what is known of a sort of authorization server, as files; every value gives way to a setting."""

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.setting_types import Ports
from config.settings import Settings
from domain.errors import ConfigurationError
from domain.http import Timeouts
from domain.known_server import LoginPlan
from domain.refreshing import Login
from domain.server_metadata import AuthorizationServer, Endpoints, discovery_urls, issuer_of_discovery
from domain.words import Text

_FOLDER = Path(__file__).parent / "presets"
_DOCUMENT = "document"
_SERVER = "server"
# A discovery document is a file; who takes longer than this for one has trouble.
_DISCOVERY_ANSWER = timedelta(seconds=10)

_Path = Annotated[str, Field(pattern=r"^/\S*$")]


class _Values(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Paths(_Values):
    """Where the endpoints are below the server's address."""

    authorize: _Path
    token: _Path
    device: _Path
    revocation: _Path


class Redirect(_Values):
    """The loopback addresses that the server sends the browser back to."""

    ports: Ports
    path: _Path
    hosts: tuple[Literal["127.0.0.1", "localhost"], ...]


class Preset(_Values):
    """One file of config/presets."""

    scope: str
    prompt: str | None = None
    issuer: Literal["server", "document"]
    device_response_type: str | None = None
    paths: Paths
    redirect: Redirect


def preset_names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def preset_of(settings: Settings) -> Preset:
    """The preset that OAUTH_PRESET names, with the settings in the place of its values. Raises ConfigurationError."""
    preset = _load(settings.oauth_preset)
    redirect = Redirect(
        ports=settings.oauth_redirect_ports or preset.redirect.ports,
        path=settings.oauth_redirect_path or preset.redirect.path,
        hosts=settings.oauth_redirect_hosts or preset.redirect.hosts,
    )
    given = {
        "scope": settings.oauth_scope,
        "prompt": settings.oauth_prompt,
        "device_response_type": settings.oauth_device_response_type,
    }
    return preset.model_copy(update={"redirect": redirect, **{key: value for key, value in given.items() if value}})


def login_plan(settings: Settings, login: Login) -> LoginPlan:
    """What a login needs, from the settings and their preset. Raises ConfigurationError."""
    preset = preset_of(settings)
    connect = settings.connect_timeout
    return LoginPlan(
        login=login,
        server=_server(settings, preset),
        scope=preset.scope,
        prompt=preset.prompt,
        device_response_type=preset.device_response_type,
        discovery=Timeouts(connect=connect, read=_DISCOVERY_ANSWER, total=_DISCOVERY_ANSWER),
    )


def _server(settings: Settings, preset: Preset) -> AuthorizationServer:
    address, paths = settings.authorization_server, preset.paths
    configured, given = settings.oauth_discovery_url, settings.oauth_issuer
    issuer = given if given not in (None, _DOCUMENT, _SERVER) else None
    urls = discovery_urls(issuer or address) if configured is None else (configured,)
    if issuer is None and (given or preset.issuer) == _SERVER:
        issuer = address if configured is None else issuer_of_discovery(configured)
    return AuthorizationServer(
        address=address,
        discovery_urls=urls,
        issuer=issuer,
        configured=Endpoints(
            authorization=settings.oauth_authorize_url,
            token=settings.oauth_token_url,
            device=settings.oauth_device_url,
            revocation=settings.oauth_revocation_url,
        ),
        fallback=Endpoints(
            authorization=address + paths.authorize,
            token=address + paths.token,
            device=address + paths.device,
            revocation=address + paths.revocation,
        ),
    )


def _load(name: str) -> Preset:
    path = _FOLDER / f"{name}.toml"
    try:
        return Preset.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        names = preset_names()
        raise ConfigurationError(
            Text(
                f"There is no preset {name} (OAUTH_PRESET, --preset). There are: {', '.join(names)}.",
                f"没有名为 {name} 的预设（OAUTH_PRESET、--preset）。可用的预设：{'、'.join(names)}。",
            )
        ) from error
    except (OSError, ValueError, ValidationError) as error:
        raise ConfigurationError(
            Text(
                f"The preset {path} cannot be read: {error}. Mend the file, or choose another one with OAUTH_PRESET.",
                f"无法读取预设 {path}：{error}。请修正该文件，或用 OAUTH_PRESET 选择其他预设。",
            )
        ) from error
