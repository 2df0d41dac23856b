"""Run the server: bind the address, say what there is, serve until told to stop."""

import errno
import signal
import socket
import sys
from contextlib import suppress

import uvicorn
from uvicorn.supervisors import Multiprocess

from config.container import build_container
from config.environment import environment_for_workers
from config.logging import configure_logging
from config.settings import Settings
from domain.errors import ListenError
from entrypoints.api import create_app


def serve(settings: Settings, *, workers: int = 1, sandbox: bool = False) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises ListenError."""
    configure_logging(settings.log_level, settings.log_format)
    # Made here even when workers make their own: what is wrong with the settings is said once, and before anything.
    app = create_app(build_container(settings))
    listening = _bound(settings.oca_host, settings.oca_port)
    environment_for_workers(settings)
    config = uvicorn.Config(
        app if workers == 1 else "entrypoints.api:app",
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=round(settings.oca_shutdown_grace),
    )
    port = listening.getsockname()[1]
    print(_sandbox_screen(port) if sandbox else _screen(settings, port), file=sys.stderr, flush=True)  # noqa: T201
    try:
        if workers == 1:
            uvicorn.Server(config).run(sockets=[listening])
        else:
            _Workers(config, sockets=[listening]).run()
    except (KeyboardInterrupt, SystemExit) as stop:
        # After an orderly stop uvicorn raises the signal again; for us it has done its work. Not so a failed start.
        if isinstance(stop, SystemExit) and stop.code != 128 + signal.SIGTERM:
            raise
    finally:
        listening.close()


class _Workers(Multiprocess):
    """Worker processes, whose supervisor stops to accept connections when they do."""

    def terminate_all(self) -> None:
        for each in self.sockets:
            # Closing alone would not do: the workers have copies of it.
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        super().terminate_all()


def _bound(host: str, port: int) -> socket.socket:
    """A listening socket of our own, so that a taken port is one clear line and not a traceback."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ListenError(f"OCA_HOST {host} is not an address of this machine: {error}.") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        # Callers may knock from now on; they wait until the server is up.
        listening.listen(1024)
        listening.set_inheritable(True)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise ListenError(
                f"Port {port} on {host} is already in use. Stop the other program, or choose another port with --port "
                "or OCA_PORT."
            ) from error
        raise ListenError(f"Cannot listen on {host} port {port}: {error.strerror}.") from error
    return listening


def _screen(settings: Settings, port: int) -> str:
    host = f"[{settings.oca_host}]" if ":" in settings.oca_host else settings.oca_host
    return (
        f"OCA Gateway listens on http://{host}:{port}/v1\n"
        f"  model      {settings.llm_model_name} at {settings.llm_api_url}\n"
        f"  login      {settings.token_endpoint}, kept in {settings.login_place}\n"
        f"  callers    {'need one of OCA_API_KEYS' if settings.oca_api_keys else 'any program on this machine'}\n"
        "Point any OpenAI client at this address. Ctrl-C stops."
    )


def _sandbox_screen(port: int) -> str:
    root = f"http://127.0.0.1:{port}/v1"
    return f"""
OCA Gateway listens on {root}
No account is configured, so the built-in SANDBOX answers: a small OAuth 2.0 server and a model that plays back canned
words. Everything else (token renewal, streaming, errors) is the real thing.
没有配置账号，所以由内置沙盒应答。

Try it 试一试:

  curl -N {root}/chat/completions -H 'Content-Type: application/json' \\
    -d '{{"messages": [{{"role": "user", "content": "Hello!"}}], "stream": true}}'

  # pip install openai
  from openai import OpenAI
  client = OpenAI(base_url="{root}", api_key="any")
  for chunk in client.chat.completions.create(
      model="sandbox-chat", messages=[{{"role": "user", "content": "Hello!"}}], stream=True
  ):
      print(chunk.choices[0].delta.content or "", end="", flush=True)

Go on with a real account 使用真实账号:

  cp .env.example .env      # then fill in OAUTH_HOST, OAUTH_CLIENT_ID, OAUTH_REFRESH_TOKEN, LLM_API_URL, LLM_MODEL_NAME
  bash run_api.sh

Ctrl-C stops.
"""
