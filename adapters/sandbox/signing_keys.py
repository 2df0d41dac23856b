"""RS256 (RFC 7518 section 3.3) with nothing but Python: a key of its own for each program that runs the sandbox.

The modulus of 2048 bits is a product of four primes, as RFC 8017 section 3.2 allows: such a key is found in a tenth of
a second, and those who verify see an ordinary one. Made to be tried out with, not to keep anything safe.
"""

import base64
import functools
import hashlib
import math
import secrets
from dataclasses import dataclass, field

BITS = 2048
EXPONENT = 65537
FACTORS = 4
ROUNDS = 16
# RFC 8017 section 9.2, note 1: the head of a DigestInfo with SHA-256.
_SHA256_HEAD = bytes.fromhex("3031300d060960864801650304020105000420")


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    factors: tuple[int, ...] = field(repr=False)

    @property
    def modulus(self) -> int:
        return math.prod(self.factors)

    @property
    def key_id(self) -> str:
        return hashlib.sha256(_bytes(self.modulus)).hexdigest()[:16]

    def sign(self, message: bytes) -> bytes:
        """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2.1)."""
        digest = _SHA256_HEAD + hashlib.sha256(message).digest()
        padded = b"\x00\x01" + b"\xff" * (BITS // 8 - 3 - len(digest)) + b"\x00" + digest
        number, modulus = int.from_bytes(padded), self.modulus
        signature = 0
        for prime in self.factors:
            # By the Chinese remainder theorem: four short powers instead of a long one.
            part = pow(number, pow(EXPONENT, -1, prime - 1), prime)
            others = modulus // prime
            signature += part * others * pow(others, -1, prime)
        return (signature % modulus).to_bytes(BITS // 8)

    def public_jwk(self) -> dict[str, str]:
        """RFC 7517, without anything secret."""
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.key_id,
            "n": base64url(_bytes(self.modulus)),
            "e": base64url(_bytes(EXPONENT)),
        }


@functools.cache
def signing_key() -> SigningKey:
    """The key of this process; made when it is first needed."""
    factors: set[int] = set()
    while len(factors) < FACTORS:
        factors.add(_new_prime())
    return SigningKey(factors=tuple(sorted(factors)))


def base64url(data: bytes) -> str:
    """RFC 7515 section 2: without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _new_prime() -> int:
    bits = BITS // FACTORS
    small_primes = _small_primes()
    while True:
        # With its three highest bits set, so that the product of four has all its bits.
        candidate = secrets.randbits(bits - 3) | 0b111 << (bits - 3) | 1
        if candidate % EXPONENT != 1 and math.gcd(candidate, small_primes) == 1 and _is_prime(candidate):
            return candidate


@functools.cache
def _small_primes() -> int:
    """Their product: nearly all candidates share a factor with it, which is quickly seen."""
    return math.prod(n for n in range(3, 2000, 2) if all(n % d for d in range(3, math.isqrt(n) + 1, 2)))


def _is_prime(candidate: int) -> bool:
    """Miller and Rabin's test."""
    twos = (candidate - 1 & 1 - candidate).bit_length() - 1
    odd = candidate - 1 >> twos
    for _ in range(ROUNDS):
        power = pow(secrets.randbelow(candidate - 3) + 2, odd, candidate)
        if power in (1, candidate - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % candidate
            if power == candidate - 1:
                break
        else:
            return False
    return True


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)
