"""How many tokens a text may be, without a tokenizer, a download or a network."""

from math import ceil

# Measured habits of byte-pair encodings: about four letters of an alphabet to a token, and about one character of
# Chinese, Japanese or Korean.
_LETTERS_PER_TOKEN = 4
_FIRST_WIDE = 0x2E80


def estimated_tokens(text: str) -> int:
    """An estimate, good for budgets: short of a real count for code, beyond it for prose."""
    wide = sum(ord(character) >= _FIRST_WIDE for character in text)
    return wide + ceil((len(text) - wide) / _LETTERS_PER_TOKEN)
