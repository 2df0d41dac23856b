"""The header fields of a request, as every step before the route asks for them."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import cast

from starlette.types import Scope

_KEY = "oca.fields"


class Fields:
    """Header fields by name; the first of several with one name counts."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[bytes, bytes]) -> None:
        self._values = values

    @classmethod
    def of(cls, scope: Scope) -> "Fields":
        """A request's fields, sorted once however many ask."""
        known: Fields | None = scope.get(_KEY)
        if known is None:
            pairs = cast("list[tuple[bytes, bytes]]", scope["headers"])
            known = scope[_KEY] = cls(dict(reversed(pairs)))
        return known

    def get(self, name: bytes) -> str | None:
        """A field's value; `name` is in small letters, as ASGI has them."""
        value = self._values.get(name)
        return None if value is None else value.decode("latin-1")

    def raw(self, name: bytes) -> bytes | None:
        """As `get`, as it came."""
        return self._values.get(name)

    def any_of(self, names: AbstractSet[bytes]) -> bool:
        """Whether there is a field with one of these names."""
        return not names.isdisjoint(self._values)
