"""Clients' own files, changed for `oca connect --write` and put back for `--undo`.

Beside a changed file lie `NAME.oca-backup`, what it held before, and `NAME.oca-backup.json`, what was written into it;
both 0600, since the file can hold keys. They go with the undo. A symbolic link stays one: what it points at is changed.
"""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from adapters.client_configs.changes import Changes
from adapters.client_configs.editing import Format, edited
from adapters.client_configs.recipe import FileEdit
from adapters.client_configs.undoing import Record, digests, effective, without_ours
from adapters.token_store.env_text import EnvTextError, replace_values
from adapters.token_store.files import FileChangedError, Files, content_or_empty, replace_content, stamp, stat_or_none
from domain.errors import ClientConfigError
from domain.system_words import system_words
from domain.words import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A file as it is and as it is to be; None for no file. `record` and `backup` are what an undo needs."""

    path: Path
    before: bytes | None = field(repr=False)
    after: bytes | None = field(repr=False)
    record: Record | None = None
    backup: bytes | None = field(default=None, repr=False)

    @property
    def changes_nothing(self) -> bool:
        return self.before == self.after


def backup_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.oca-backup")


def record_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.oca-backup.json")


def file_of(edit: FileEdit) -> Path:
    """The client's file on this machine. Raises ClientConfigError where it must not be made."""
    path = next((each for each in edit.paths if each.exists()), edit.paths[-1])
    if edit.blocked_by is not None and edit.blocked is not None and not path.exists() and edit.blocked_by.exists():
        raise ClientConfigError(edit.blocked)
    return path


def is_connected(path: Path) -> bool:
    return record_of(path).exists()


def plan_write(path: Path, edit: FileEdit) -> Plan:
    """What is to become of the file. Raises ClientConfigError."""
    before = _read(path)
    text = _text(path, before)
    changes, after = _edited(path, edit, text)
    known = _record(path)
    base = _original(path, before, known)
    wrote = digests(changes) if known is None else {**known.wrote, **digests(changes)}
    record = Record(format=edit.format, existed=base is not None, result=_digest(after), wrote=wrote)
    return Plan(path=path, before=before, after=after, record=record, backup=base)


def plan_undo(path: Path) -> Plan:
    """What is to become of the file when our part goes. Raises ClientConfigError."""
    record, before = _record(path), _read(path)
    if record is None:
        raise ClientConfigError(
            Text(
                f"There is nothing to undo: {path} was not changed by oca connect --write.",
                f"没有可撤销的内容：{path} 没有被 oca connect --write 修改过。",
            )
        )
    return Plan(path=path, before=before, after=_original(path, before, record, strict=True))


def carry_out(plan: Plan) -> None:
    """Write what was planned, the backup first. Raises ClientConfigError, also when the file has changed meanwhile."""
    files = Files()
    target = Path(os.path.realpath(plan.path))
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if plan.record is not None:
            if plan.backup is not None:
                replace_content(files, backup_of(plan.path), plan.backup)
            replace_content(files, record_of(plan.path), plan.record.encode())
        if plan.after is None:
            _require(target, plan)
            files.remove(target)
        elif plan.after != plan.before:
            replace_content(files, target, plan.after, check=lambda: _require(target, plan))
        if plan.record is None:
            files.remove(backup_of(plan.path))
            files.remove(record_of(plan.path))
    except FileChangedError as error:
        raise ClientConfigError(
            Text(
                f"{plan.path} was changed by somebody else meanwhile, and left alone. Try again.",
                f"{plan.path} 在此期间被其他程序修改，未作更改。请重试。",
            )
        ) from error
    except OSError as error:
        raise _failed(plan.path, error, Text("be written", "写入")) from error


def others_can_read(path: Path) -> bool:
    """Whether other accounts of this machine can read the file."""
    known = stat_or_none(Files(), path)
    return os.name != "nt" and known is not None and bool(known.st_mode & 0o044)


def _original(path: Path, before: bytes | None, record: Record | None, *, strict: bool = False) -> bytes | None:
    """What the file would be without us. Where that cannot be told, `strict` refuses; else it is what it is now."""
    if record is None or before is None:
        return before
    backup = _read(backup_of(path)) if record.existed else None
    if record.existed and backup is None:
        if not strict:
            return before
        raise ClientConfigError(
            Text(
                f"The backup {backup_of(path)} is gone, so {path} cannot be put back. Take our lines out by hand, and "
                f"delete {record_of(path)}.",
                f"备份 {backup_of(path)} 已不存在，无法恢复 {path}。请手工删除相关内容，并删除 {record_of(path)}。",
            )
        )
    if _digest(before) == record.result:
        return backup
    if before == backup:
        return before
    try:
        text = _without_ours(record, _text(path, before), _text(path, backup))
    except ClientConfigError as error:
        if not strict:
            return before
        held = (
            Text(f"What it held before is in {backup_of(path)}.", f"修改前的内容在 {backup_of(path)}。")
            if record.existed
            else Text("There was no such file before.", "修改前没有这个文件。")
        )
        raise ClientConfigError(
            Text(
                f"{path} has been changed since, and our part cannot be told from the rest: it was left alone. ",
                f"{path} 之后又被修改过，无法区分哪些是我们写入的内容，因此未作更改。",
            )
            + held
        ) from error
    return None if not record.existed and not text.strip().strip("{}").strip() else text.encode("utf-8")


def _without_ours(record: Record, text: str, before: str) -> str:
    if record.format is Format.ENV:
        raise ClientConfigError(Text("Lines of a .env file are not taken out.", "不会从 .env 文件中删除行。"))
    return without_ours(record, text, before)


def _edited(path: Path, edit: FileEdit, text: str) -> tuple[Changes, bytes]:
    """What is changed in the text, defaults included, and what comes of it."""
    try:
        if edit.format is Format.ENV:
            values = {str(keys[0]): str(value) for keys, value in edit.changes.items()}
            return edit.changes, replace_values(text.encode("utf-8"), values)
        changes = effective(edit.format, text, edit.changes, edit.defaults)
        return changes, edited(edit.format, text, changes).encode("utf-8")
    except (EnvTextError, ClientConfigError) as error:
        why = error.text if isinstance(error, ClientConfigError) else Text.of(f"{error}.")
        raise ClientConfigError(Text(f"{path} cannot be edited: ", f"无法编辑 {path}：") + why) from error


def _read(path: Path) -> bytes | None:
    files = Files()
    try:
        return None if stat_or_none(files, path) is None else content_or_empty(files, path)
    except OSError as error:
        raise _failed(path, error, Text("be read", "读取")) from error


def _text(path: Path, data: bytes | None) -> str:
    try:
        return (data or b"").decode("utf-8")
    except UnicodeDecodeError as error:
        raise ClientConfigError(
            Text(
                f"{path} is not text in UTF-8, and was left alone. Save it as UTF-8 first.",
                f"{path} 不是 UTF-8 文本，未作更改。请先将其保存为 UTF-8。",
            )
        ) from error


def _record(path: Path) -> Record | None:
    data = _read(record_of(path))
    return None if data is None else Record.decode(data)


def _digest(data: bytes | None) -> str:
    return hashlib.sha256(data or b"").hexdigest()


def _require(target: Path, plan: Plan) -> None:
    """Raises FileChangedError unless the file is what the plan was made for."""
    files = Files()
    present = None if stamp(files, target) is None else content_or_empty(files, target)
    if present != plan.before:
        raise FileChangedError


def _failed(path: Path, error: OSError, what: Text) -> ClientConfigError:
    cause = system_words(error)
    return ClientConfigError(
        Text(
            f"{path} cannot {what.en}: {cause.en}. Check the permissions of the file and its folder.",
            f"无法{what.zh} {path}：{cause.zh}。请检查该文件及其所在目录的权限。",
        )
    )
