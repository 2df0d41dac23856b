"""What to say of a model's name that nobody knows: the names that come near it."""

import json
from collections.abc import Sequence
from typing import Any, cast

from domain.words import Text

_MOST_NAMES = 3
_NEAR_ENOUGH = 0.5
_MISSING = ("not found", "not exist", "unknown", "no such", "does not have access", "not available", "unsupported")


def nearest_names(name: str, known: Sequence[str]) -> tuple[str, ...]:
    """The known names that a person may have meant, the nearest first; compared without case."""
    from difflib import get_close_matches  # noqa: PLC0415 - only when something went wrong

    # A name without its publisher, or a part of it, is what people type: `gpt-4o` for `openai/gpt-4o`.
    folded: dict[str, str] = {}
    for each in known:
        folded.setdefault(each.casefold(), each)
        folded.setdefault(each.casefold().rpartition("/")[2], each)
    wanted = name.casefold()
    near = get_close_matches(wanted, folded, n=_MOST_NAMES, cutoff=_NEAR_ENOUGH)
    holding = [each for each in folded if wanted and wanted in each]
    return tuple(dict.fromkeys(folded[each] for each in (*near, *holding)))[:_MOST_NAMES]


def mend_of_unknown_model(name: str, known: Sequence[str]) -> Text:
    """What to ask for instead; `known` is empty where there is no list."""
    near = nearest_names(name, known)
    ask = Text("oca models, or GET /v1/models, lists all there are.", "oca models 或 GET /v1/models 可列出现有的模型。")
    if not near:
        return ask
    return Text(f"Did you mean {' or '.join(near)}? {ask.en}", f"您要的是不是 {' 或 '.join(near)}？{ask.zh}")


def means_unknown_model(status: int, body: bytes) -> bool:
    """Whether an upstream's refusal says that it does not know the model, by its code or in its words."""
    if status not in (400, 404, 422):
        return False
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(document, dict):
        return False
    members = cast("dict[str, Any]", document)
    inner: object = members.get("error")
    told = cast("dict[str, Any]", inner) if isinstance(inner, dict) else members
    codes = " ".join(str(told.get(name, "")) for name in ("code", "type"))
    if "model_not_found" in codes or "ModelNotFound" in codes:
        return True
    words = next((told[name] for name in ("message", "detail", "error") if isinstance(told.get(name), str)), "").lower()
    return "model" in words and any(each in words for each in _MISSING)


def asked_model(body: bytes) -> str:
    """The model that a request's JSON body names; "" where it names none."""
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    name = cast("dict[str, object]", document).get("model") if isinstance(document, dict) else None
    return name if isinstance(name, str) else ""
