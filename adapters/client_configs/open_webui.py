"""Open WebUI: environment variables (docs.openwebui.com, "OpenAI API endpoints"), as a rule of a container."""

from urllib.parse import urlsplit, urlunsplit

from adapters.client_configs.recipe import Gateway, Recipe, Surroundings
from adapters.client_configs.shell import assignment, quoted
from domain.http import is_loopback_host
from domain.words import Text

_HOST = "host.docker.internal"


def open_webui(gateway: Gateway, surroundings: Surroundings) -> Recipe:
    del surroundings
    inside, reached = _from_container(gateway.base_url)
    options = [
        "-p 3000:8080",
        *([f"--add-host={_HOST}:host-gateway"] if reached else []),
        f"-e OPENAI_API_BASE_URL={quoted(inside)}",
        f"-e OPENAI_API_KEY={quoted(gateway.key)}",
        "-v open-webui:/app/backend/data",
        "--name open-webui --restart always",
    ]
    notes = [
        Text(
            "Open WebUI keeps these values in its database at its first start; later ones are set in its admin panel, "
            "under Connections. Several addresses and keys, separated by semicolons, go into OPENAI_API_BASE_URLS and "
            "OPENAI_API_KEYS.",
            "Open WebUI 会在首次启动时把这些值存入数据库，之后要在管理面板的“外部连接”里修改。"
            "多个地址和 key 以分号分隔，填入 OPENAI_API_BASE_URLS 和 OPENAI_API_KEYS。",
        )
    ]
    if reached:
        notes.insert(
            0,
            Text(
                "A container reaches this gateway only if it listens beyond this machine: set OCA_HOST=0.0.0.0 and "
                "OCA_API_KEYS in .env, and restart it.",
                "容器要访问本网关，网关必须监听本机以外的地址："
                "请在 .env 中设置 OCA_HOST=0.0.0.0 和 OCA_API_KEYS，然后重启网关。",
            ),
        )
    return Recipe(
        snippet=(
            f"# Open WebUI on this machine\n{assignment('OPENAI_API_BASE_URL', gateway.base_url)}\n"
            f"{assignment('OPENAI_API_KEY', gateway.key)}\nopen-webui serve\n"
            "\n# or in a container\ndocker run -d "
            + " \\\n  ".join([*options, "ghcr.io/open-webui/open-webui:main"])
            + "\n"
        ),
        no_edit=Text(
            "Open WebUI is configured by environment variables, not by a file: where you start it, use the lines "
            "that are printed without --write.",
            "Open WebUI 通过环境变量配置，没有配置文件：请在启动它的地方使用不带 --write 时打印的内容。",
        ),
        notes=tuple(notes),
    )


def _from_container(base_url: str) -> tuple[str, bool]:
    """The address as a container has it, and whether that differs."""
    parts = urlsplit(base_url)
    if not is_loopback_host(parts.hostname or ""):
        return base_url, False
    port = "" if parts.port is None else f":{parts.port}"
    return urlunsplit(parts._replace(netloc=f"{_HOST}{port}")), True
