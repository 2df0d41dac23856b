"""What is remembered of authorization servers, as a file beside `.env`."""

import contextlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from domain.errors import TokenStoreError
from domain.server_metadata import Endpoints, Person, RememberedServer, ServerMetadata, is_protected
from domain.words import Text

_SUFFIX = ".discovery"
_MAX_BYTES = 256 * 1024
# Of servers that were asked once, the oldest are forgotten.
_MOST_SERVERS = 20
_FLAGS = sum(getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NOFOLLOW", "O_NOINHERIT", "O_NONBLOCK"))


def discovery_file_of(env_file: Path) -> Path:
    """The memory beside a `.env` file, whose symbolic links are resolved."""
    target = Path(os.path.realpath(env_file))
    return target.with_name(target.name + _SUFFIX)


class FileServerMemory:
    """Implements ports.server_memory.ServerMemory in `<real path of .env>.discovery` (0600), replaced whole.

    A file that others can write is not believed: what it names is where refresh tokens are sent. Nor is an address in
    it without TLS.
    """

    def __init__(self, *, env_file: Path) -> None:
        self._env_file = env_file

    def recall(self, address: str) -> RememberedServer:
        return self._read().get(address, RememberedServer())

    def remember(self, address: str, memory: RememberedServer) -> None:
        path = discovery_file_of(self._env_file)
        others = {key: value for key, value in self._read().items() if key != address}
        kept = dict(list(others.items())[-(_MOST_SERVERS - 1) :]) | {address: memory}
        document = {"servers": {key: _document(value) for key, value in kept.items()}}
        try:
            _replace(path, json.dumps(document, indent=1).encode("ascii") + b"\n", like=self._env_file)
        except OSError as error:
            why = (error.strerror or str(error)).rstrip(".")
            raise TokenStoreError(
                Text(
                    f"What was learnt of the authorization server could not be written to {path}: {why}. Give this "
                    "process the permission to write the folder.",
                    f"无法把授权服务器的信息写入 {path}：{why}。请授予本进程写入该文件夹的权限。",
                )
            ) from error

    def _read(self) -> dict[str, RememberedServer]:
        try:
            document: object = json.loads(_content(discovery_file_of(self._env_file)))
        except (OSError, ValueError, RecursionError):
            return {}
        servers = _mapping(_mapping(document).get("servers"))
        return {address: _memory(_mapping(value)) for address, value in servers.items()}


def _document(memory: RememberedServer) -> dict[str, object]:
    document = asdict(memory)
    document["asked_at"] = None if memory.asked_at is None else memory.asked_at.isoformat()
    return document


def _memory(document: Mapping[str, Any]) -> RememberedServer:
    """The memory that `_document` made into this, without anything that is not as it should be."""
    person = _mapping(document.get("person"))
    return RememberedServer(
        asked_at=_moment(document.get("asked_at")),
        source=_text(document.get("source")),
        metadata=_metadata(_mapping(document.get("metadata"))),
        token_endpoint=_address(document.get("token_endpoint")),
        person=None
        if not _text(person.get("subject"))
        else Person(
            subject=_text(person.get("subject")), name=_text(person.get("name")), email=_text(person.get("email"))
        ),
    )


def _metadata(document: Mapping[str, Any]) -> ServerMetadata | None:
    issuer, places = _text(document.get("issuer")), _mapping(document.get("endpoints"))
    if not issuer:
        return None
    return ServerMetadata(
        issuer=issuer,
        endpoints=Endpoints(
            authorization=_address(places.get("authorization")),
            token=_address(places.get("token")),
            device=_address(places.get("device")),
            revocation=_address(places.get("revocation")),
        ),
        names_itself=document.get("names_itself") is True,
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _address(value: object) -> str | None:
    return value if isinstance(value, str) and is_protected(value) else None


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _content(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | _FLAGS)
    with os.fdopen(descriptor, "rb") as file:
        known = os.fstat(descriptor)
        others_write = os.name != "nt" and stat.S_IMODE(known.st_mode) & 0o022
        return b"" if others_write or not stat.S_ISREG(known.st_mode) else file.read(_MAX_BYTES)


def _replace(path: Path, data: bytes, *, like: Path) -> None:
    """Put a new file in the place of the old one, in one step; it belongs to the owner of `like`."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(6)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if hasattr(os, "fchown"):
                # Only root gives files away, and has to: the owner of `.env` could not read this one afterwards.
                with contextlib.suppress(OSError):
                    model = like.stat()
                    os.fchown(descriptor, model.st_uid, model.st_gid)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)  # noqa: PTH105 - one call of the operating system
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
