"""In which language a caller is told of an error: the one it asks for, else the operator's."""

from adapters.http_api.fields import Fields
from domain.words import Language

_FIELD = b"accept-language"


def language_of(fields: Fields, default: Language) -> Language:
    """The language of a request, by its Accept-Language (RFC 9110 section 12.5.4).

    `default` where the caller names none that is spoken here; `*` names none.
    """
    asked = fields.get(_FIELD)
    if not asked:
        return default
    wanted: list[tuple[float, int, Language]] = []
    for place, item in enumerate(asked.split(",")):
        tag, _, parameters = item.partition(";")
        language = Language.named(tag)
        weight = _weight(parameters)
        if language is not None and weight > 0:
            wanted.append((weight, -place, language))
    # Of equal weights the first one counts.
    return max(wanted, key=lambda each: each[:2])[2] if wanted else default


def _weight(parameters: str) -> float:
    """The weight among an item's parameters (RFC 9110 section 12.4.2), 1 without one; one that is none counts as 0."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return weight if 0 <= weight <= 1 else 0.0
    return 1.0
