"""A text that matches a regular expression, for JSON Schema's `pattern`: the shortest, first-choice one.

Understands literals, classes, `.`, groups, alternation, quantifiers and anchors; look-around and back references are
beyond it.
"""

import re
from dataclasses import dataclass

_CLASSES = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_PRINTABLE = [chr(code) for code in (*range(97, 123), *range(48, 58), *range(65, 91), *range(32, 127))]
MOST_REPEATS = 1000


def matching_text(pattern: str) -> str | None:
    """Some text that `pattern` finds, or None when it asks for more than is understood here."""
    try:
        text = _Reader(pattern).alternatives()
        return text if re.search(pattern, text) else None
    except (re.error, _NotUnderstoodError, RecursionError, OverflowError):
        return None


class _NotUnderstoodError(Exception):
    pass


@dataclass(slots=True)
class _Reader:
    """Recursive descent over the pattern, writing text instead of a tree."""

    pattern: str
    at: int = 0

    def alternatives(self) -> str:
        first = self._sequence()
        while self._next_is("|"):
            self.at += 1
            self._sequence()
        if self.at < len(self.pattern) and self.pattern[self.at] != ")":
            raise _NotUnderstoodError
        return first

    def _sequence(self) -> str:
        pieces: list[str] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            atom = self._atom()
            pieces.append(atom * self._least_repeats())
        return "".join(pieces)

    def _atom(self) -> str:
        character = self._take()
        match character:
            case "^" | "$":
                return ""
            case ".":
                return "a"
            case "\\":
                return self._escape()
            case "[":
                return self._class()
            case "(":
                return self._group()
            case _:
                return character

    def _group(self) -> str:
        if self._next_is("?"):
            self.at += 1
            kind = self._take()
            if kind == "P":
                kind = self._take()
            if kind == "<" and not (self._next_is("=") or self._next_is("!")):
                self.at = self.pattern.index(">", self.at) + 1
            elif kind != ":":
                raise _NotUnderstoodError
        text = self.alternatives()
        if self._take() != ")":
            raise _NotUnderstoodError
        return text

    def _escape(self) -> str:
        character = self._take()
        if character in "bBAZz":
            return ""
        if character in _CLASSES:
            return _CLASSES[character]
        if character in "xu":
            digits = 2 if character == "x" else 4
            self.at += digits
            return chr(int(self.pattern[self.at - digits : self.at], 16))
        if character.isdigit() and character != "0":
            raise _NotUnderstoodError
        return _CONTROLS.get(character, character)

    def _class(self) -> str:
        start = self.at - 1
        if self._next_is("^"):
            self.at += 1
        if self._next_is("]"):
            self.at += 1
        while (character := self._take()) != "]":
            if character == "\\":
                self._take()
        inside = self.pattern[start : self.at]
        compiled = re.compile(inside)
        candidates = [*_PRINTABLE, *(character for character in inside if character not in "[]^-\\")]
        found = next((character for character in candidates if compiled.fullmatch(character)), None)
        if found is None:
            raise _NotUnderstoodError
        return found

    def _least_repeats(self) -> int:
        least = 1
        if self._next_is("*") or self._next_is("?"):
            self.at += 1
            least = 0
        elif self._next_is("+"):
            self.at += 1
        elif quantifier := re.compile(r"\{(\d+)(,\d*)?\}").match(self.pattern, self.at):
            self.at = quantifier.end()
            least = int(quantifier[1])
        else:
            return 1
        if self._next_is("?") or self._next_is("+"):  # lazy or possessive: the least is the same
            self.at += 1
        if least > MOST_REPEATS:
            raise _NotUnderstoodError
        return least

    def _next_is(self, character: str) -> bool:
        return self.pattern.startswith(character, self.at)

    def _take(self) -> str:
        if self.at >= len(self.pattern):
            raise _NotUnderstoodError
        self.at += 1
        return self.pattern[self.at - 1]
