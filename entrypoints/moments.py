"""Times and durations as people read them, in the zone of this machine."""

from datetime import datetime, timedelta

from domain.words import Text

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def clock_time(moment: datetime) -> str:
    """The time by the clock on the wall."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def moment_told(moment: datetime, now: datetime) -> Text:
    """The time by the clock on the wall, and how far off it is."""
    when = f"{clock_time(moment)} {moment.astimezone().tzname() or ''}".strip()
    distance = moment - now
    if distance >= timedelta(0):
        far = span_told(distance)
        return Text(f"{when} (in {far.en})", f"{when}（{far.zh}后）")
    far = span_told(-distance)
    return Text(f"{when} ({far.en} ago)", f"{when}（{far.zh}前）")


def span_told(length: timedelta) -> Text:
    """A duration in the units that matter for it."""
    seconds = int(length.total_seconds())
    if seconds < _MINUTE:
        return Text(f"{seconds} s", f"{seconds} 秒")
    if seconds < _HOUR:
        return Text(f"{seconds // _MINUTE} min", f"{seconds // _MINUTE} 分钟")
    hours = seconds // _HOUR
    if seconds < 2 * _DAY:
        minutes = seconds // _MINUTE % 60
        return Text(f"{hours} h {minutes} min", f"{hours} 小时 {minutes} 分钟")
    return Text(f"{hours // 24} days", f"{hours // 24} 天")


def seconds_told(seconds: float) -> Text:
    return Text(f"{seconds:.2f} s", f"{seconds:.2f} 秒")
