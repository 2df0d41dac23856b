"""What a client is told about this gateway, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Protocol

from adapters.client_configs.changes import Changes, Path, Value
from adapters.client_configs.editing import Format, edited
from domain.words import Text

# How the gateway is called in the clients' files.
NAME = "oca"
TITLE = "OCA Gateway"
# What clients send where the gateway asks for no key; most of them insist on one.
ANY_KEY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """This gateway as clients see it. `base_url` ends in `/v1` as a rule; `api_key` is None where none is asked for."""

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """What stands for a key in the client's file."""
        return self.api_key or ANY_KEY

    @property
    def root_url(self) -> str:
        """The address without `/v1`."""
        return self.base_url.removesuffix("/v1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The person's machine, as far as it decides where clients keep their files. `platform` is as in `sys`."""

    home: FilePath
    environ: Mapping[str, str] = field(repr=False)
    platform: str

    def folder(self, key: str, *default: str) -> FilePath:
        """The folder that this variable names, else this one in the person's home."""
        named = self.environ.get(key)
        return FilePath(named) if named else self.home.joinpath(*default)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEdit:
    """A client's file and what is to stand in it.

    Of `paths` the first one that exists is meant, else the last one. `defaults` are put in only where there is nothing.
    A new file is not made where `blocked_by` exists: `blocked` says why.
    """

    paths: tuple[FilePath, ...]
    format: Format
    changes: Changes
    defaults: Mapping[Path, Value] = field(default_factory=dict[Path, Value])
    blocked_by: FilePath | None = None
    blocked: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A client's configuration: as text to paste (`snippet`), as an edit of its file, or why that is not offered.

    `warnings` name what will not work, `notes` what is to be done besides.
    """

    snippet: str = field(repr=False)
    edit: FileEdit | None = None
    no_edit: Text | None = None
    warnings: tuple[Text, ...] = ()
    notes: tuple[Text, ...] = ()


class RecipeMaker(Protocol):
    """What each client's file offers."""

    def __call__(self, gateway: Gateway, surroundings: Surroundings) -> Recipe: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client by the name that `oca connect` knows it by."""

    name: str
    title: str
    recipe: RecipeMaker


def in_file(edit: FileEdit, *, warnings: tuple[Text, ...] = (), notes: tuple[Text, ...] = ()) -> Recipe:
    """The recipe whose snippet is what the edit makes of an empty file."""
    return Recipe(
        snippet=edited(edit.format, "", {**edit.defaults, **edit.changes}), edit=edit, warnings=warnings, notes=notes
    )


def not_served(path: str, client: str) -> Text:
    """The warning for a client that speaks a dialect which this gateway does not."""
    return Text(
        f"{client} speaks only POST {path}, which this gateway does not serve yet: it will answer 404. The "
        "configuration is right all the same, and works once the gateway serves that route.",
        f"{client} 只使用 POST {path}，而本网关目前尚未提供该路由，会返回 404。"
        "配置本身是正确的，等网关提供该路由后即可使用。",
    )
