"""Tokens encrypted where they lie."""

from typing import Protocol

from domain.errors import ConfigurationError, TokenStoreError
from domain.words import Text

# What is sealed says so, so that a store can be given its first key, and a token can still be pasted in as it is.
_MARK = "fernet:"
_NEW_KEY = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'


class Seal(Protocol):
    """Makes a text unreadable for those who can look into the store, and readable again."""

    def seal(self, text: str) -> str: ...

    def unseal(self, text: str) -> str:
        """What was sealed; a text that never was comes back as it is. Raises TokenStoreError."""
        ...


class OpenSeal:
    """Seals nothing: for a store that is trusted as it is."""

    def seal(self, text: str) -> str:
        return text

    def unseal(self, text: str) -> str:
        if text.startswith(_MARK):
            raise TokenStoreError(
                Text(
                    "The stored tokens are encrypted, and there is no key. Set OAUTH_STORE_KEY to the key that the "
                    "other processes with this login use.",
                    "所保存的令牌已加密，而没有密钥。请把 OAUTH_STORE_KEY 设为使用此登录的其他进程所用的密钥。",
                )
            )
        return text


class FernetSeal:
    """Fernet (AES-128-CBC and HMAC-SHA-256) with one key or several.

    `keys` are separated by commas. The first one seals and all unseal, so that keys are rotated without a stop: put the
    new one behind the old one everywhere, then in front, then remove the old one once every login has been renewed.
    """

    def __init__(self, keys: str) -> None:
        try:
            from cryptography.fernet import Fernet, InvalidToken, MultiFernet  # noqa: PLC0415 - an extra, wanted here only
        except ImportError as error:
            raise ConfigurationError(
                Text(
                    "OAUTH_STORE_KEY needs the package cryptography: pip install 'oca-gateway[sealing]'.",
                    "OAUTH_STORE_KEY 需要软件包 cryptography：pip install 'oca-gateway[sealing]'。",
                )
            ) from error
        fernets: list[Fernet] = []
        for number, key in enumerate((each.strip() for each in keys.split(",")), start=1):
            try:
                fernets.append(Fernet(key))
            except ValueError:
                # Without the cause, which may quote the key.
                raise ConfigurationError(
                    Text(
                        f"OAUTH_STORE_KEY: key {number} is not 32 bytes in URL-safe base64. Make one with: {_NEW_KEY}",
                        f"OAUTH_STORE_KEY：第 {number} 个密钥不是 URL 安全 base64 编码的 32 字节。"
                        f"可用此命令生成：{_NEW_KEY}",
                    )
                ) from None
        self._fernets = MultiFernet(fernets)
        self._invalid = InvalidToken

    def seal(self, text: str) -> str:
        return _MARK + self._fernets.encrypt(text.encode()).decode("ascii")

    def unseal(self, text: str) -> str:
        if not text.startswith(_MARK):
            return text
        try:
            return self._fernets.decrypt(text.removeprefix(_MARK).encode()).decode()
        except self._invalid:
            raise TokenStoreError(
                Text(
                    "The stored tokens cannot be decrypted: they were encrypted with another key, or changed. "
                    "Add that key to OAUTH_STORE_KEY, behind a comma, or log in again with: oca login",
                    "无法解密所保存的令牌：它们是用其他密钥加密的，或已被改动。"
                    "请把该密钥加在 OAUTH_STORE_KEY 的逗号之后，或用此命令重新登录：oca login",
                )
            ) from None


def seal_with(keys: str | None) -> Seal:
    """The seal for these keys; without any, the one that seals nothing."""
    return FernetSeal(keys) if keys is not None and keys.strip() else OpenSeal()
