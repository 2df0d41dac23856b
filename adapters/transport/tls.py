"""The one TLS policy: certificate and host name are always checked; a company's own CA is added to what is trusted."""

import re
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

import certifi
import truststore

from domain.errors import ConfigurationError
from domain.system_words import system_words
from domain.words import Text

# Where systems keep their CAs when OpenSSL was built elsewhere and looks in the wrong place (a relocated Python).
SYSTEM_CA_FILES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),  # Debian, Ubuntu
    Path("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"),  # Fedora, RHEL
    Path("/etc/pki/tls/cert.pem"),  # older Fedora, RHEL
    Path("/etc/ssl/cert.pem"),  # Alpine, Arch, BSD
    Path("/etc/ssl/ca-bundle.pem"),  # SUSE
)
HASHED_NAME = re.compile(r"[0-9a-f]{8}\.[0-9]+", re.IGNORECASE)  # a folder prepared by `openssl rehash`


def tls_context(extra_ca_certs: Sequence[Path], cert_file: Path | None = None) -> ssl.SSLContext:
    """A context that trusts what the system trusts, and each PEM file of `extra_ca_certs` besides.

    SSL_CERT_FILE and SSL_CERT_DIR of the process environment are honoured by OpenSSL itself; `cert_file` is an
    SSL_CERT_FILE that stands in the .env file. TLS 1.2 is the least. Raises ConfigurationError, all wrong files at
    once.
    """
    context = _system_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A company may hand out its issuing CA alone, without the root above it: what was named is trusted as it stands.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    named = [("EXTRA_CA_CERTS", path) for path in extra_ca_certs]
    if cert_file is not None:
        named.append(("SSL_CERT_FILE", cert_file))
    problems = [problem for key, path in named if (problem := _add(context, key, path)) is not None]
    if problems:
        raise ConfigurationError(*problems)
    return context


def _system_context() -> ssl.SSLContext:
    """What the operating system trusts, in the way that fits it."""
    if sys.platform in {"darwin", "win32"}:
        # Only the system's own verifier knows the keychain and the certificates that Windows fetches when needed.
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Elsewhere trust is a file or folder that OpenSSL reads by itself. truststore would read it again for every
    # connection, and it holds one lock through the whole handshake of a blocking socket: a single server that never
    # finishes its handshake would then hold up every other connection of the process.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    if not _trusts_anything(context):
        context.load_verify_locations(
            cafile=next((path for path in SYSTEM_CA_FILES if path.is_file()), certifi.where())
        )
    return context


def _trusts_anything(context: ssl.SSLContext) -> bool:
    if context.cert_store_stats()["x509_ca"]:
        return True
    # A folder is read file by file when needed, so it does not show in the count. It may be None.
    folder = ssl.get_default_verify_paths().capath
    return bool(folder) and any(HASHED_NAME.fullmatch(path.name) for path in Path(folder).iterdir())


def _add(context: ssl.SSLContext, key: str, path: Path) -> Text | None:
    """Trust the certificates of a PEM file; what is wrong with the file, if anything is."""
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        return Text(
            f"{key}: {path} is not a PEM file with certificates (-----BEGIN CERTIFICATE-----).",
            f"{key}：{path} 不是含有证书的 PEM 文件（-----BEGIN CERTIFICATE-----）。",
        )
    except OSError as error:
        why = system_words(error)
        return Text(f"{key}: {path} cannot be read: {why.en.lower()}.", f"{key}：无法读取 {path}：{why.zh}。")
    return None
