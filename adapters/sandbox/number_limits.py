"""The limits that a JSON Schema sets to a number, and numbers within them."""

import math
from collections.abc import Iterator

from adapters.sandbox.json_values import JsonObject, as_number

LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")


def candidates(rules: JsonObject, *, whole: bool) -> Iterator[float | int]:
    """Numbers near the limits, the plainest ones first."""
    step = as_number(rules.get("multipleOf"))
    nudge = step or (1 if whole else 0.5)
    lows = [n for word in ("minimum", "exclusiveMinimum") if (n := as_number(rules.get(word))) is not None]
    highs = [n for word in ("maximum", "exclusiveMaximum") if (n := as_number(rules.get(word))) is not None]
    starts: list[float | int] = [1, 0]
    starts += [low + shift for low in lows for shift in (0, nudge)]
    starts += [high - shift for high in highs for shift in (0, nudge)]
    if lows and highs and not whole:
        starts.append((max(lows) + min(highs)) / 2)
    if step:
        starts = [step, 0]
        starts += [(math.floor(n / step) + shift) * step for n in (*lows, *highs) for shift in (0, 1, -1, 2)]
    for start in starts:
        if not whole:
            yield start
        elif start == math.floor(start):
            yield int(start)
        else:
            yield math.floor(start)
            yield math.ceil(start)


def fits(number: float, rules: JsonObject) -> bool:
    low, high = as_number(rules.get("minimum")), as_number(rules.get("maximum"))
    above, below = as_number(rules.get("exclusiveMinimum")), as_number(rules.get("exclusiveMaximum"))
    step = as_number(rules.get("multipleOf"))
    return (
        (low is None or number >= low)
        and (high is None or number <= high)
        and (above is None or number > above)
        and (below is None or number < below)
        and (not step or float(number / step).is_integer())
    )
