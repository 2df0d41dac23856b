"""Whether a stream streams: judged by when its pieces of text arrived.

A model needs time for each word. Something between that holds the words back lets them go together, at the end or a
bufferful at a time. A fast model looks alike at first sight, so a long wait must have gone before, longer than the
model takes for one word, and where that cannot be told no alarm is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from domain.checkup import Check, CheckName, Detail, passed, warned
from domain.http import Headers, Route, find_header
from domain.words import Text

# Fewer pieces of text than this tell nothing; what is to look like a bufferful among others needs more.
FEWEST_PIECES = 4
# A pause between two pieces that parts two bursts.
BURST_PAUSE_S = 0.01
# No model says more in a second to one listener; what is faster has been waiting somewhere.
FASTEST_PER_S = 1500.0
LEAST_SPAN_S = 0.03
# So long must the wait have been, and so much longer than that for one word.
LEAST_WAIT_S = 0.4
LONG_WAIT_S = 1.0
WAIT_FACTOR = 3.0
# Where most pieces come in bursts of at least so many, so long apart, they come a bufferful at a time.
FULL_BURST = 8
BURSTS_APART_S = 0.2
MOST = 0.6


class Flowing(Enum):
    """How the words came."""

    STREAMS = "streams"
    HELD_BACK = "held_back"
    IN_BURSTS = "in_bursts"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """When each piece of text came, in seconds since the request was sent.

    `one_word_s` is how long an answer of one token took as a whole; None where that is not known.
    """

    at_s: tuple[float, ...]
    one_word_s: float | None = None

    @property
    def bursts(self) -> int:
        return len(self._bursts)

    @property
    def span_s(self) -> float:
        return self.at_s[-1] - self.at_s[0] if self.at_s else 0.0

    @property
    def flowing(self) -> Flowing:
        pieces, bursts = len(self.at_s), self._bursts
        if pieces < FEWEST_PIECES:
            return Flowing.UNDETERMINED
        full = FEWEST_PIECES if len(bursts) == 1 else FULL_BURST
        full_bursts = [burst for burst in bursts if burst.pieces >= full and burst.was_waiting]
        late = [burst for burst in full_bursts if self._too_late(burst)]
        waiting = sum(burst.pieces for burst in full_bursts)
        if late and waiting >= MOST * pieces:
            return Flowing.HELD_BACK if len(bursts) == 1 else Flowing.IN_BURSTS
        return Flowing.UNDETERMINED if waiting >= MOST * pieces else Flowing.STREAMS

    @property
    def _bursts(self) -> tuple["_Burst", ...]:
        found: list[_Burst] = []
        begun = 0
        for number, at in enumerate(self.at_s):
            last = number + 1 == len(self.at_s)
            if last or self.at_s[number + 1] - at > BURST_PAUSE_S:
                begins = self.at_s[begun]
                wait = begins - self.at_s[begun - 1] if begun else None
                found.append(_Burst(pieces=number + 1 - begun, begins_s=begins, ends_s=at, wait_s=wait))
                begun = number + 1
        return tuple(found)

    def _too_late(self, burst: "_Burst") -> bool:
        if burst.wait_s is not None:
            return burst.wait_s >= BURSTS_APART_S
        if self.one_word_s is None:
            return burst.begins_s >= LONG_WAIT_S
        return burst.begins_s - self.one_word_s >= LEAST_WAIT_S and burst.begins_s >= WAIT_FACTOR * self.one_word_s


@dataclass(frozen=True, slots=True, kw_only=True)
class _Burst:
    """Pieces without a pause between them. `wait_s` is the pause before them, None for the first ones."""

    pieces: int
    begins_s: float
    ends_s: float
    wait_s: float | None

    @property
    def was_waiting(self) -> bool:
        """Whether no model could have made them as fast as they came."""
        return self.ends_s - self.begins_s <= max(LEAST_SPAN_S, self.pieces / FASTEST_PER_S)


def between_of(headers: Headers) -> Sequence[str]:
    """What the answer's head tells of those it passed through."""
    found = ((name, find_header(headers, name)) for name in ("Via", "Server", "X-Cache", "Content-Encoding"))
    return tuple(f"{name}: {value}" for name, value in found if value)


def judge_stream(arrivals: Arrivals, *, headers: Headers, route: Route) -> Check:
    """The check of a stream that came whole."""
    pieces, flowing = len(arrivals.at_s), arrivals.flowing
    between = "; ".join(between_of(headers))
    details: dict[str, Detail] = {
        "flowing": flowing.value,
        "pieces": pieces,
        "bursts": arrivals.bursts,
        "first_s": round(arrivals.at_s[0], 3) if arrivals.at_s else None,
        "span_s": round(arrivals.span_s, 3),
        "one_token_s": None if arrivals.one_word_s is None else round(arrivals.one_word_s, 3),
        "passed_through": between or None,
    }
    span, first = f"{arrivals.span_s:.2f}", f"{arrivals.at_s[0]:.2f}" if arrivals.at_s else "-"
    if flowing is Flowing.STREAMS:
        flows = Text(
            f"streams: first words after {first} s, {pieces} pieces over {span} s",
            f"正常流式输出：{first} 秒后出现首批文字，{pieces} 个片段历时 {span} 秒",
        )
        return passed(CheckName.STREAM, flows, details=details)
    if flowing is Flowing.UNDETERMINED:
        unclear = Text(
            f"complete; whether something buffers is undetermined: {pieces} pieces within {span} s are too few or too "
            "fast to tell",
            f"内容完整；无法判断途中是否有缓冲：{pieces} 个片段在 {span} 秒内到达，过少或过快",
        )
        return passed(CheckName.STREAM, unclear, details=details)
    if flowing is Flowing.HELD_BACK:
        finding = Text(
            f"something between buffers: {pieces} pieces came all at once, after {first} s of silence",
            f"途中有缓冲：静默 {first} 秒之后，{pieces} 个片段一次性到达",
        )
    else:
        finding = Text(
            f"something between buffers: {pieces} pieces came in {arrivals.bursts} bursts over {span} s",
            f"途中有缓冲：{pieces} 个片段在 {span} 秒内分 {arrivals.bursts} 批到达",
        )
    if between:
        finding += Text(f" ({between})", f"（{between}）")
    return warned(CheckName.STREAM, finding, mend=_mend(route), fault="buffered", details=details)


def _mend(route: Route) -> Text:
    if route is Route.PROXY:
        return Text(
            "The proxy in HTTP_PROXY_URL is on the way: ask who runs it to let text/event-stream through unbuffered, "
            "or reach the host directly. A reverse proxy before the model does so with X-Accel-Buffering: no (nginx: "
            "proxy_buffering off).",
            "途中经过 HTTP_PROXY_URL 中的代理服务器：请其管理员不要缓冲 text/event-stream，或改为直连该主机。"
            "如果是模型前面的反向代理，请设置 X-Accel-Buffering: no（nginx：proxy_buffering off）。",
        )
    return Text(
        "A reverse proxy before the model holds the words back: set X-Accel-Buffering: no there (nginx: "
        "proxy_buffering off). If it is a proxy of your network, reach the host by another one (HTTP_PROXY_URL).",
        "模型前面的反向代理滞留了数据：请在该代理上设置 X-Accel-Buffering: no（nginx：proxy_buffering off）。"
        "如果是您所在网络的代理，请通过 HTTP_PROXY_URL 改用其他代理。",
    )
