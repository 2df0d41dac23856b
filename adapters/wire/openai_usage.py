"""The usage that upstreams report, in every dress that is known."""

from typing import Any, cast

from domain.chat import Usage


def usage_in(wire: object) -> Usage | None:
    """The counts in an answer's `usage`; None where there are none."""
    if not isinstance(wire, dict):
        return None
    usage = cast("dict[str, Any]", wire)
    taken = _count(usage, "prompt_tokens", "input_tokens")
    given = _count(usage, "completion_tokens", "output_tokens")
    if taken is None and given is None:
        return None
    heard, said = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    return Usage(
        input_tokens=taken or 0,
        output_tokens=given or 0,
        total_tokens=_count(usage, "total_tokens"),
        cached_tokens=_first(
            _count(heard, "cached_tokens"),
            _count(usage.get("input_tokens_details"), "cached_tokens"),
            _count(usage, "cache_read_input_tokens", "prompt_cache_hit_tokens"),
        ),
        cache_written_tokens=_first(
            _count(heard, "cache_write_tokens", "cache_creation_tokens"), _count(usage, "cache_creation_input_tokens")
        ),
        input_audio_tokens=_count(heard, "audio_tokens"),
        output_audio_tokens=_count(said, "audio_tokens"),
        reasoning_tokens=_first(
            _count(said, "reasoning_tokens"), _count(usage.get("output_tokens_details"), "reasoning_tokens")
        ),
    )


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count), next((count for count in counts if count is not None), None))


def _count(members: object, *names: str) -> int | None:
    if not isinstance(members, dict):
        return None
    values = (cast("dict[str, object]", members).get(name) for name in names)
    return next((value for value in values if isinstance(value, int) and not isinstance(value, bool)), None)
