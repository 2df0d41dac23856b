"""What the parts of the markup agree on."""

import unicodedata

# Keeps characters apart that Streamlit would otherwise take for one word: a directive without content, which shows
# nothing and is no part of what is copied.
APART = ":small[]"


def is_punctuation(character: str) -> bool:
    """Punctuation in the sense of CommonMark 0.31: of the Unicode categories P and S."""
    return unicodedata.category(character)[0] in "PS"


def tex(source: str) -> str:
    """TeX as the page may hold it: without an image even if it were read as Markdown."""
    return source.replace("![", "! [")
