"""A look at `.env`: whether it can be read, who else can read it, and what in it is written oddly."""

import io
import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from domain.checkup import FILE_LINE, FILE_MODE, Blame, Check, CheckName, failed, passed, warned
from domain.words import Text

_BOM = b"\xef\xbb\xbf"
_ODD = re.compile(r"[\u00a0\u200b-\u200f\u2028\u2029\u2060\ufeff\u3000]")
_CURLY = "“”‘’「」『』"
_STAND_IN = re.compile(
    r"<[^<>]*>|\.\.\.|x{3,}|your[-_ ][\w -]*|change[-_ ]?me|todo|(?:put|insert)[-_ ].*", re.IGNORECASE
)
_EXAMPLE_HOST = re.compile(r"(?:^|[/@.])example\.(?:com|org|net)(?:[:/]|$)", re.IGNORECASE)
_NEAR_ENOUGH = 0.8
# Lists, paths and names may hold spaces.
_SPACED = frozenset(
    {
        "EXTRA_CA_CERTS",
        "LLM_MODEL_NAME",
        "OAUTH_SCOPE",
        "OAUTH_STORE_KEY",
        "OCA_API_KEYS",
        "OCA_DATA_DIR",
        "SSL_CERT_FILE",
    }
)
# These are free text.
_FREE = frozenset({"LLM_SYSTEM_PROMPT", "OCA_ALLOWED_ORIGINS"})


def look_at_file(path: Path, *, known: Collection[str]) -> Iterator[Check]:
    """The checks of an existing file: at most one has failed, or one has passed, besides warnings."""
    try:
        data = path.read_bytes()
    except OSError as error:
        yield _unreadable(path, error)
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        yield failed(
            CheckName.ENV_FILE,
            Text(f"{path} is not in UTF-8", f"{path} 不是 UTF-8 编码"),
            mend=Text("Save it as UTF-8 (in an editor: Save as, UTF-8).", "请将其另存为 UTF-8 编码。"),
            fault="not_utf8",
            blame=Blame.CONFIGURATION,
        )
        return
    keys = [key for key, value in dotenv_values(stream=io.StringIO(text)).items() if key in known and value]
    yield passed(
        CheckName.ENV_FILE,
        Text(f"{path}, {len(keys)} keys set", f"{path}，已设置 {len(keys)} 项"),
        details={"keys": len(keys)},
    )
    yield from _look_at_mode(path)
    if data.startswith(_BOM):
        yield _odd(
            "BOM",
            Text("the file begins with a byte order mark", "文件以字节顺序标记（BOM）开头"),
            Text(
                "It is read all the same; other programs stumble. Save it as UTF-8 without BOM.",
                "本程序可以正常读取，但其他程序可能出错。请另存为不带 BOM 的 UTF-8。",
            ),
            "byte_order_mark",
        )
    yield from _look_at_lines(text, known)


def look_at_values(values: Mapping[str, str]) -> Iterator[Check]:
    """What is odd about the values of settings, wherever they stand. No value is repeated."""
    for key, value in values.items():
        bare = value.strip()
        if not bare or key in _FREE:
            continue
        if _STAND_IN.fullmatch(bare):
            yield failed(
                CheckName.SETTINGS,
                Text("still holds a placeholder", "仍是占位文字"),
                subject=key,
                mend=Text(
                    f"Put the real value: oca config set {key}=VALUE", f"请填写真实的值：oca config set {key}=VALUE"
                ),
                fault="placeholder",
                blame=Blame.CONFIGURATION,
            )
        elif _EXAMPLE_HOST.search(bare):
            yield _odd(
                key,
                Text("names example.com, the host of the documentation", "使用的是文档中的示例主机 example.com"),
                Text(f"Put the real host: oca config set {key}=VALUE", f"请填写真实的主机：oca config set {key}=VALUE"),
                "placeholder",
            )
        elif any(char in bare for char in _CURLY) or bare[0] in "'\"" or bare[-1] in "'\"":
            yield _odd(
                key,
                Text("quotation marks are part of the value", "引号成了值的一部分"),
                Text("Use straight quotes around the whole value, or none.", "请用半角直引号括住整个值，或不用引号。"),
                "quotes",
            )
        elif _ODD.search(value) or (key not in _SPACED and any(char.isspace() for char in bare)):
            yield _odd(
                key,
                Text("white space or an invisible character is part of the value", "值中含有空白或不可见字符"),
                Text("Delete the value and type it anew.", "请删除该值后重新输入。"),
                "white_space",
            )
        elif key == "HTTP_PROXY_URL" and "://" not in bare:
            yield _odd(
                key,
                Text("has no scheme; http:// is assumed", "没有协议前缀，按 http:// 处理"),
                Text(
                    "Write it out, as in http://proxy.example.com:3128.",
                    "请写完整，例如 http://proxy.example.com:3128。",
                ),
                "no_scheme",
            )


def _look_at_mode(path: Path) -> Iterator[Check]:
    if os.name != "posix":  # pragma: no cover - other systems have no such bits
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield _odd(
            FILE_MODE,
            Text(f"others on this machine can read it (mode {mode:04o})", f"本机其他用户可以读取（权限 {mode:04o}）"),
            Text(f"It holds the login: chmod 600 {path}", f"其中含有登录凭据：chmod 600 {path}"),
            "readable_by_others",
        )


def _look_at_lines(text: str, known: Collection[str]) -> Iterator[Check]:
    lines: dict[str, int] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            yield _odd(
                f"{FILE_LINE}{binding.original.line}",
                Text("the line cannot be read and is ignored", "该行无法解析，已被忽略"),
                Text(
                    "It must be KEY=value; a quote that is opened must be closed.", "格式须为 KEY=value，引号须成对。"
                ),
                "bad_line",
            )
        elif binding.key is not None and binding.key in known:
            if binding.key in lines:
                yield _odd(
                    binding.key,
                    Text(
                        f"is set twice (lines {lines[binding.key]} and {binding.original.line}); the last one holds",
                        f"设置了两次（第 {lines[binding.key]} 行和第 {binding.original.line} 行），以后者为准",
                    ),
                    Text("Delete one of them.", "请删除其中一处。"),
                    "twice",
                )
            lines[binding.key] = binding.original.line
    for binding in parse_stream(io.StringIO(text)):
        key = binding.key
        if key is None or key in known:
            continue
        near = get_close_matches(key.upper(), known, n=1, cutoff=_NEAR_ENOUGH)
        # With the right one there as well, this one belongs to somebody else.
        if near and near[0] not in lines:
            yield _odd(
                key[:60],
                Text(f"is not a key that is known; did you mean {near[0]}?", f"不是已知的配置项；是否应为 {near[0]}？"),
                Text(f"Rename it to {near[0]}.", f"请改名为 {near[0]}。"),
                "unknown_key",
            )


def _odd(subject: str, finding: Text, mend: Text, fault: str) -> Check:
    return warned(CheckName.ENV_FILE, finding, subject=subject, mend=mend, fault=fault)


def _unreadable(path: Path, error: OSError) -> Check:
    said = (error.strerror or str(error)).lower()
    return failed(
        CheckName.ENV_FILE,
        Text(f"{path} cannot be read: {said}", f"无法读取 {path}：{said}"),
        mend=Text(
            "Give this user the right to read it, or name another file with --env-file.",
            "请授予当前用户读取权限，或用 --env-file 指定其他文件。",
        ),
        fault="unreadable",
        blame=Blame.CONFIGURATION,
    )
