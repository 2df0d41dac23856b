"""How `oca login` was meant: the options that exclude each other, and the refresh token on standard input."""

import getpass
import sys
from collections.abc import Mapping

import typer

from domain.words import Text
from entrypoints.console import Console
from entrypoints.logging_in import Way

_OPTIONS = {
    Way.BROWSER: "--browser (--no-browser)",
    Way.DEVICE: "--device",
    Way.PASTE: "--paste",
    Way.TOKEN: "--with-token",
}


def require_one(console: Console, given: Mapping[Way, bool]) -> Way | None:
    """The way that was asked for, None for none. Raises BadParameter for several."""
    chosen = [way for way, wanted in given.items() if wanted]
    if len(chosen) > 1:
        told = ", ".join(_OPTIONS[way] for way in chosen)
        raise typer.BadParameter(
            console.told(Text(f"Choose one way to log in, not several: {told}.", f"请只选择一种登录方式：{told}。"))
        )
    return chosen[0] if chosen else None


def given_refresh_token(console: Console) -> str:
    """The refresh token on standard input, or typed unseen. Raises BadParameter for what is none."""
    if console.interactive:
        token = getpass.getpass(console.told(Text("Refresh token (not shown): ", "刷新令牌（不显示）："))).strip()
    else:
        token = sys.stdin.read().strip()
    # RFC 6749 appendix A.17.
    if not token or not all(" " <= c <= "~" for c in token):
        raise typer.BadParameter(
            console.told(
                Text(
                    "Standard input holds no refresh token. Try: oca login --with-token < token.txt",
                    "标准输入中没有刷新令牌。示例：oca login --with-token < token.txt",
                )
            )
        )
    return token
