"""What `oca connect` does: the gateway's address into a client's configuration, on the screen or in its file."""

import difflib
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from adapters.client_configs.clients import CLIENTS
from adapters.client_configs.recipe import ANY_KEY, Client, FileEdit, Gateway, Recipe, Surroundings
from adapters.sandbox.world import CHAT_MODEL
from config.environment import nothing_configured, this_environment
from config.settings import Need, Settings, load_settings
from domain.errors import ConfigurationError
from domain.model_names import nearest_names
from domain.tokens import conceal
from domain.words import Text
from entrypoints.client_files import (
    Plan,
    backup_of,
    carry_out,
    file_of,
    is_connected,
    others_can_read,
    plan_undo,
    plan_write,
)
from entrypoints.console import Console
from entrypoints.questions import NoAnswerError, Questions
from entrypoints.usage import NOBODY_TO_ASK, UsageError

_KEYS = re.compile(r"""(?i)((?:key|token|secret|password)["']?\s*[:=]\s*["']?)([^"',\s}]+)""")
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]", "[::]": "[::1]"}  # noqa: S104 - read, not bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of one call. `file` stands in for the client's own file."""

    env_file: Path | None = None
    model: str | None = None
    base_url: str | None = None
    file: Path | None = None
    write: bool = False
    undo: bool = False
    yes: bool = False
    as_json: bool = False


def surroundings() -> Surroundings:
    return Surroundings(home=Path.home(), environ=this_environment(), platform=sys.platform)


def gateway_for(wish: Wish) -> Gateway:
    """The gateway of this `.env`. Raises ConfigurationError, UsageError."""
    # With a key in its place nothing is asked of a login: the client needs none of it.
    settings = load_settings(Need.LOGIN, env_file=wish.env_file, overrides={"LLM_API_KEY": "in place of a login"})
    model = wish.model or settings.llm_model_name
    if model is None and nothing_configured(env_file=wish.env_file):
        model = CHAT_MODEL
    if model is None:
        raise ConfigurationError(
            Text(
                f"LLM_MODEL_NAME is missing: set it in {settings.env_file}, or name a model with --model.",
                f"缺少 LLM_MODEL_NAME：请在 {settings.env_file} 中设置，或用 --model 指定模型。",
            )
        )
    keys = settings.oca_api_keys
    return Gateway(
        base_url=_base_url(wish, settings), model=model, api_key=keys[0].get_secret_value() if keys else None
    )


def list_clients(console: Console, wish: Wish) -> None:
    """Name every client, and where its file is."""
    gateway = Gateway(base_url="http://127.0.0.1:8000/v1", model="model")
    rows = [(client, _path(client.recipe(gateway, surroundings()).edit)) for client in CLIENTS.values()]
    if wish.as_json:
        console.document(
            {
                "clients": [
                    {
                        "client": client.name,
                        "title": client.title,
                        "file": None if path is None else str(path),
                        "connected": path is not None and is_connected(path),
                    }
                    for client, path in rows
                ]
            }
        )
        return
    for client, path in rows:
        mark = console.told(Text("  (connected)", "  （已接入）")) if path is not None and is_connected(path) else ""
        console.data(f"{client.name:<12} {client.title:<12} {path or '-'}{mark}")
    console.say(
        Text(
            "oca connect CLIENT prints the client's configuration; with --write it edits the file.",
            "oca connect CLIENT 打印该客户端的配置；加上 --write 则直接修改它的文件。",
        )
    )


def connect(console: Console, name: str | None, wish: Wish) -> None:
    """List, print, write or undo. Raises ConfigurationError, ClientConfigError, UsageError, NoAnswerError."""
    if wish.write and wish.undo:
        raise UsageError(Text("Choose one of --write and --undo.", "--write 和 --undo 只能选一个。"))
    if name is None:
        list_clients(console, wish)
        return
    client = CLIENTS.get(name)
    if client is None:
        raise UsageError(_unknown(name))
    if wish.undo:
        # What undoes needs no settings: they may be gone.
        recipe = client.recipe(Gateway(base_url="", model=""), surroundings())
        _undo(console, client, _target(recipe, wish), wish)
        return
    gateway = gateway_for(wish)
    recipe = client.recipe(gateway, surroundings())
    if wish.write:
        _write(console, client, gateway, recipe, wish)
        return
    if wish.as_json:
        console.document(_document(client, gateway, recipe, wish))
        return
    path = wish.file or _path(recipe.edit)
    if path is not None:
        console.say(Text(f"For {path}:", f"写入 {path}："))
    console.data(recipe.snippet, end="")
    _say_all(console, gateway, recipe)


def _unknown(name: str) -> Text:
    near = nearest_names(name, tuple(CLIENTS))
    meant = Text(f" Did you mean {' or '.join(near)}?", f"您要的是不是 {' 或 '.join(near)}？") if near else Text("", "")
    return (
        Text(f"There is no client {name} here.", f"没有名为 {name} 的客户端。")
        + meant
        + Text(f" Known are: {', '.join(CLIENTS)}.", f"可选：{'、'.join(CLIENTS)}。")
    )


def _say_all(console: Console, gateway: Gateway, recipe: Recipe) -> None:
    for warning in recipe.warnings:
        console.say(Text("Warning: ", "警告：") + warning)
    if gateway.api_key is not None and gateway.api_key in recipe.snippet:
        console.say(
            Text(
                "The configuration holds a key of OCA_API_KEYS, since the client must show one: treat it as a secret.",
                "这份配置含有 OCA_API_KEYS 中的一个 key（客户端必须出示），请妥善保密。",
            )
        )
    for note in recipe.notes:
        console.say(note)


def _write(console: Console, client: Client, gateway: Gateway, recipe: Recipe, wish: Wish) -> None:
    path = _target(recipe, wish)
    edit = recipe.edit
    if edit is None:  # pragma: no cover - _target has refused it
        return
    plan = plan_write(path, edit)
    for warning in recipe.warnings:
        console.say(Text("Warning: ", "警告：") + warning)
    if plan.changes_nothing:
        console.say(Text(f"{path} says so already; nothing was changed.", f"{path} 已是如此，未作更改。"))
    else:
        _show(console, plan, gateway.api_key)
        _require_consent(console, wish, Text(f"Write {path}?", f"写入 {path}？"))
        carry_out(plan)
        saved = (
            Text(f"Written: {path}.", f"已写入：{path}。")
            if plan.backup is None
            else Text(
                f"Written: {path}; what it held before is in {backup_of(path)}.",
                f"已写入：{path}；原来的内容保存在 {backup_of(path)}。",
            )
        )
        console.say(saved + Text(f" To put it back: {_command(client, wish)}", f"恢复原状：{_command(client, wish)}"))
        if gateway.api_key is not None and others_can_read(path):
            console.say(
                Text(
                    f"Other accounts of this machine can read the key in {path}: chmod 600 {path}",
                    f"本机的其他账号可以读取 {path} 中的 key：chmod 600 {path}",
                )
            )
    for note in recipe.notes:
        console.say(note)
    if wish.as_json:
        console.document({**_document(client, gateway, recipe, wish), "changed": not plan.changes_nothing})


def _undo(console: Console, client: Client, path: Path, wish: Wish) -> None:
    plan = plan_undo(path)
    if not plan.changes_nothing:
        _show(console, plan, None)
        _require_consent(console, wish, Text(f"Put {path} back?", f"恢复 {path}？"))
    carry_out(plan)
    if plan.after is None:
        console.say(Text(f"{path} is gone, as it was before.", f"{path} 已删除，与之前一样。"))
    else:
        console.say(Text(f"{path} is as it was before.", f"{path} 已恢复原状。"))
    if wish.as_json:
        console.document({"client": client.name, "file": str(path), "changed": not plan.changes_nothing})


def _target(recipe: Recipe, wish: Wish) -> Path:
    """The file to edit. Raises UsageError where there is none, ClientConfigError where it must not be made."""
    edit = recipe.edit
    if edit is None or not (edit.paths or wish.file):
        raise UsageError(recipe.no_edit or Text("It has no file.", "没有可修改的文件。"))
    return wish.file.expanduser().absolute() if wish.file is not None else file_of(edit)


def _path(edit: FileEdit | None) -> Path | None:
    if edit is None or not edit.paths:
        return None
    return next((each for each in edit.paths if each.exists()), edit.paths[-1])


def _show(console: Console, plan: Plan, key: str | None) -> None:
    """The difference, on standard error; without the key."""
    before, after = ((data or b"").decode("utf-8", "replace").splitlines() for data in (plan.before, plan.after))
    lines = difflib.unified_diff(before, after, str(plan.path), str(plan.path), n=2, lineterm="")
    secrets = [key] if key else []
    for line in lines:
        console.say(_harmless(line, secrets))


def _harmless(line: str, secrets: Sequence[str]) -> str:
    """A line without keys: neither ours nor the person's others."""
    return _KEYS.sub(lambda found: found[0] if found[2] == ANY_KEY else f"{found[1]}***", conceal(line, secrets))


def _require_consent(console: Console, wish: Wish, question: Text) -> None:
    """Raises UsageError where nobody can be asked, NoAnswerError for a no."""
    if wish.yes:
        return
    if not console.interactive:
        raise UsageError(NOBODY_TO_ASK)
    if not Questions(console).yes(question, default=True):
        raise NoAnswerError


def _command(client: Client, wish: Wish) -> str:
    return f"oca connect {client.name} --undo" + ("" if wish.file is None else f" --file {wish.file}")


def _document(client: Client, gateway: Gateway, recipe: Recipe, wish: Wish) -> Mapping[str, Any]:
    path = wish.file or _path(recipe.edit)
    return {
        "client": client.name,
        "base_url": gateway.base_url,
        "model": gateway.model,
        "api_key_needed": gateway.api_key is not None,
        "file": None if path is None else str(path),
        "format": None if recipe.edit is None else recipe.edit.format.value,
        "configuration": recipe.snippet,
        "warnings": [warning.en for warning in recipe.warnings],
        "notes": [note.en for note in recipe.notes],
    }


def _base_url(wish: Wish, settings: Settings) -> str:
    if wish.base_url is not None:
        url = wish.base_url.rstrip("/")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(
                Text(
                    "--base-url takes an address such as http://127.0.0.1:8000/v1.",
                    "--base-url 需要一个地址，例如 http://127.0.0.1:8000/v1。",
                )
            )
        return url
    if settings.oca_port == 0:
        raise UsageError(
            Text(
                "OCA_PORT is 0, so the port is another one at every start. Name the address: --base-url URL",
                "OCA_PORT 为 0，每次启动的端口都不同。请指定地址：--base-url URL",
            )
        )
    host = _EVERYWHERE.get(settings.oca_host, settings.oca_host)
    return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{settings.oca_port}/v1"
