"""The application over a fake gateway, behind a real socket."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

import httpx

from adapters.http_api.app import build_app
from adapters.http_api.options import ServerOptions
from tests.fakes.gateway import FakeGateway
from tests.fakes.live_server import LiveServer

OPTIONS = ServerOptions(default_model="default-model")
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**CHAT, "stream": True}


@contextmanager
def served(gateway: FakeGateway, **options: object) -> Generator[httpx.Client, None, None]:
    """A client whose base is the running application."""
    chosen = replace(OPTIONS, **options)  # type: ignore[arg-type] # names of ServerOptions, checked by replace()
    app = build_app(gateway, chosen, version="0", aclose=gateway.aclose)
    with LiveServer(app) as server, httpx.Client(base_url=server.url, trust_env=False, timeout=20) as client:
        yield client
