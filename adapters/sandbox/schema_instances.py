"""A value that satisfies a JSON Schema (draft 2020-12), made from the words and numbers of a text.

Understands what tools and structured outputs are written in: types, enum, const, required, properties, items,
prefixItems, `$ref` within the document (recursion included), anyOf, oneOf, allOf, and the limits of numbers, strings
and arrays. Does not understand `not`, `if`, `patternProperties`, `contains`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from adapters.sandbox.json_values import JsonObject, as_array, as_integer, as_number, as_object
from adapters.sandbox.number_limits import LIMITS, candidates, fits
from adapters.sandbox.patterns import matching_text

# Below this depth only what is required is made, so that a schema that refers to itself comes to an end.
GENEROUS_DEPTH = 5
DEEPEST = 40
LONGEST_ARRAY = 1000
LONGEST_STRING = 100_000
_FORMATS = {
    "date": "2026-01-02",
    "date-time": "2026-01-02T03:04:05Z",
    "time": "03:04:05Z",
    "duration": "PT1M",
    "email": "sandbox@example.com",
    "idn-email": "sandbox@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/sandbox",
    "uri-reference": "/sandbox",
    "iri": "https://example.com/sandbox",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "json-pointer": "/sandbox",
    "regex": "sandbox",
}
_NAME = re.compile(r"[“\"'「『]([^“”\"'「」『』]{1,60})[”\"'」』]")
_CAPITALISED = re.compile(r"(?<=[a-z0-9,] )(?!I\b)[A-Z][\w-]*(?: [A-Z][\w-]*)*")
_WORD = re.compile(r"[^\W_][\w-]*")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")


class UnsatisfiableSchemaError(Exception):
    """No instance was found."""


@dataclass(slots=True)
class Material:
    """What a text offers to fill strings and numbers with: quoted and capitalised words first, then its last word."""

    names: Iterator[str]
    numbers: list[float] = field(default_factory=list[float])
    text: str = ""

    @classmethod
    def of(cls, text: str) -> "Material":
        short = text[:2000]
        words = _WORD.findall(short)
        names = [*_NAME.findall(short), *_CAPITALISED.findall(short)] or words[-1:]
        return cls(names=iter(names), numbers=[float(n) for n in _NUMBER.findall(short)], text=short)


def instance_of(schema: object, text: str = "") -> Any:
    """An instance of `schema`, the same one for the same text. Raises UnsatisfiableSchemaError."""
    return _Maker(root=schema, material=Material.of(text)).make(schema, "value", 0)


@dataclass(slots=True)
class _Maker:
    root: object
    material: Material

    def make(self, schema: object, name: str, depth: int) -> Any:
        if depth > DEEPEST:
            raise UnsatisfiableSchemaError("The schema nests too deeply.")
        rules = as_object(schema)
        if rules is None:
            return self._string(_rules_of(schema), name)
        rules = self._flat(rules, 0)
        if "const" in rules:
            return rules["const"]
        if values := as_array(rules.get("enum")):
            return next(
                (v for v in values if isinstance(v, str) and v.lower() in self.material.text.lower()), values[0]
            )
        for word in ("anyOf", "oneOf"):
            if options := as_array(rules.get(word)):
                return self._any_of(rules, word, options, name, depth)
        return self._typed(rules, name, depth)

    def _flat(self, rules: JsonObject, hops: int) -> JsonObject:
        """The same rules with `$ref` and `allOf` written out at this level."""
        if hops > DEEPEST:
            raise UnsatisfiableSchemaError("A `$ref` refers to itself.")
        if isinstance(reference := rules.get("$ref"), str):
            rest = {key: value for key, value in rules.items() if key != "$ref"}
            return self._flat(_merged(self._resolved(reference), rest), hops + 1)
        if parts := as_array(rules.get("allOf")):
            merged = {key: value for key, value in rules.items() if key != "allOf"}
            for part in parts:
                merged = _merged(merged, self._flat(_rules_of(part), hops + 1))
            return self._flat(merged, hops + 1)
        return rules

    def _resolved(self, reference: str) -> JsonObject:
        """The schema at a JSON pointer (RFC 6901) within the document."""
        place: object = self.root
        if not reference.startswith("#"):
            raise UnsatisfiableSchemaError(f"The reference {reference!r} leads out of the document.")
        for step in unquote(reference[1:]).split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            items = as_array(place)
            if items is not None:
                place = items[int(key)] if key.isdigit() and int(key) < len(items) else None
            else:
                place = (as_object(place) or {}).get(key)
        found = as_object(place)
        if found is None:
            raise UnsatisfiableSchemaError(f"The reference {reference!r} leads nowhere.")
        return found

    def _any_of(self, rules: JsonObject, word: str, options: list[Any], name: str, depth: int) -> Any:
        rest = {key: value for key, value in rules.items() if key != word}
        # Null is a poor answer where there is room for a better one, and the way out of a recursion where there is not.
        ordered = sorted(options, key=_is_null, reverse=depth >= GENEROUS_DEPTH)
        trouble: UnsatisfiableSchemaError | None = None
        for option in ordered:
            try:
                return self.make(_merged(rest, _rules_of(option)), name, depth + 1)
            except UnsatisfiableSchemaError as error:
                trouble = error
        raise trouble or UnsatisfiableSchemaError(f"The {word} of {name!r} has no options.")

    def _typed(self, rules: JsonObject, name: str, depth: int) -> Any:  # noqa: PLR0911 - one for each type
        match _type_of(rules):
            case "object":
                return self._object(rules, depth)
            case "array":
                return self._array(rules, name, depth)
            case "integer":
                return self._number(rules, step=1)
            case "number":
                return self._number(rules, step=0)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return self._string(rules, name)

    def _object(self, rules: JsonObject, depth: int) -> JsonObject:
        properties = as_object(rules.get("properties")) or {}
        required = [key for key in as_array(rules.get("required")) or [] if isinstance(key, str)]
        made: JsonObject = {}
        for key, schema in properties.items():
            if key in required:
                made[key] = self.make(schema, key, depth + 1)
            elif depth < GENEROUS_DEPTH:
                try:
                    made[key] = self.make(schema, key, depth + 1)
                except UnsatisfiableSchemaError:
                    continue
        others = rules.get("additionalProperties", True)
        wanted = [key for key in required if key not in made]
        least = as_integer(rules.get("minProperties")) or 0
        wanted += [f"sandbox_{n}" for n in range(1, min(least - len(made) - len(wanted), LONGEST_ARRAY) + 1)]
        for key in wanted:
            made[key] = self.make(others, key, depth + 1)
        return made

    def _array(self, rules: JsonObject, name: str, depth: int) -> list[Any]:
        least = as_integer(rules.get("minItems")) or 0
        most = as_integer(rules.get("maxItems"))
        if least > LONGEST_ARRAY:
            raise UnsatisfiableSchemaError(f"The array {name!r} would need {least} items.")
        firsts = as_array(rules.get("prefixItems")) or []
        wish = least if depth >= GENEROUS_DEPTH else max(least, len(firsts), 1)
        length = wish if most is None else min(wish, most)
        made: list[Any] = []
        for index in range(length):
            schema = firsts[index] if index < len(firsts) else rules.get("items", True)
            try:
                item = self.make(schema, name, depth + 1)
            except UnsatisfiableSchemaError:
                if index >= least:
                    break
                raise
            if rules.get("uniqueItems") is True and item in made:
                item = _another(item, schema, made)
            made.append(item)
        return made

    def _string(self, rules: JsonObject, name: str) -> str:
        if isinstance(pattern := rules.get("pattern"), str):
            text = matching_text(pattern)
            if text is None:
                raise UnsatisfiableSchemaError(f"The pattern {pattern!r} is beyond the sandbox.")
            return text
        if isinstance(kind := rules.get("format"), str) and kind in _FORMATS:
            return _FORMATS[kind]
        text = next(self.material.names, f"sandbox {name}")
        least = as_integer(rules.get("minLength")) or 0
        most = as_integer(rules.get("maxLength"))
        if least > LONGEST_STRING:
            raise UnsatisfiableSchemaError(f"The string {name!r} would need {least} characters.")
        text = text.ljust(least, ".")
        return text if most is None else text[:most]

    def _number(self, rules: JsonObject, *, step: int) -> float | int:
        """The text's next number if it fits, else one at the limit; `step` is 1 for integers and 0 for others."""
        whole = step == 1
        for index, number in enumerate(self.material.numbers):
            if (not whole or number.is_integer()) and fits(number, rules):
                del self.material.numbers[index]
                return int(number) if number.is_integer() else number
        for candidate in candidates(rules, whole=whole):
            if fits(candidate, rules):
                return candidate
        raise UnsatisfiableSchemaError("No number fits the limits.")


def _type_of(rules: JsonObject) -> str | None:
    kind = rules.get("type")
    if (kinds := as_array(kind)) is not None:
        kind = next((k for k in kinds if k != "null"), "null")
    if kind is None:
        if "properties" in rules or "required" in rules or "additionalProperties" in rules:
            return "object"
        if "items" in rules or "prefixItems" in rules:
            return "array"
        if any(word in rules for word in LIMITS):
            return "number"
    return kind if isinstance(kind, str) else None


def _rules_of(schema: object) -> JsonObject:
    """A schema among several: `true` adds nothing, `false` cannot be had."""
    if schema is False:
        raise UnsatisfiableSchemaError("Nothing satisfies the schema `false`.")
    return as_object(schema) or {}


def _is_null(option: object) -> bool:
    rules = as_object(option) or {}
    return rules.get("type") == "null" or ("const" in rules and rules["const"] is None)


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> JsonObject:
    """Both schemas at once, for the words that add up; elsewhere `other` has the last word."""
    merged = {**one, **other}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**(as_object(one["properties"]) or {}), **(as_object(other["properties"]) or {})}
    if "required" in one and "required" in other:
        merged["required"] = [*(as_array(one["required"]) or []), *(as_array(other["required"]) or [])]
    for word, choose in (("minimum", max), ("maximum", min), ("minItems", max), ("minLength", max)):
        values = [n for n in (as_number(one.get(word)), as_number(other.get(word))) if n is not None]
        if values:
            merged[word] = choose(values)
    return merged


def _another(item: object, schema: object, made: list[Any]) -> Any:
    """An item of the same schema that the array does not hold yet."""
    values = as_array((as_object(schema) or {}).get("enum")) or []
    if values:
        fresh = [value for value in values if value not in made]
    elif isinstance(item, str):
        fresh = [f"{item} {len(made) + 1}"]
    elif isinstance(item, bool):
        fresh = [value for value in (True, False) if value not in made]
    elif isinstance(item, int | float):
        step = as_number((as_object(schema) or {}).get("multipleOf")) or 1
        fresh = [value for n in range(1, len(made) + 2) for value in (item + n * step, item - n * step)]
        fresh = [value for value in fresh if value not in made and fits(value, as_object(schema) or {})]
    else:
        fresh = []
    if not fresh:
        raise UnsatisfiableSchemaError("An array needs more distinct items than were found.")
    return fresh[0]
