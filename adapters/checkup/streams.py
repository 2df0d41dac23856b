"""A streamed answer, watched as it comes."""

from collections.abc import Sequence
from datetime import timedelta
from time import monotonic

from adapters.checkup.refusals import said
from domain.checkup import Blame, Check, failed
from domain.checkup_exchanges import Asked, failed_exchange, not_json, unexpected
from domain.checkup_streaming import Arrivals, between_of, judge_stream
from domain.errors import (
    OCAError,
    ResponseTimeoutError,
    StreamInterruptedError,
    TransportError,
    UpstreamProtocolError,
    UpstreamStatusError,
)
from domain.events import ReasoningDelta, TextDelta
from domain.http import HttpResponse, Route, find_header
from domain.words import Text
from ports.codec import StreamDecoder
from ports.transport import ResponseStream

# What has been seen by then is enough.
LONGEST_STREAM = timedelta(seconds=45)


def watch(
    asked: Asked,
    stream: ResponseStream,
    decoder: StreamDecoder,
    *,
    begun: float,
    one_word_s: float | None,
    route: Route,
) -> Check:
    """The check of an opened stream, to its end. `begun` is when the request was sent (monotonic seconds)."""
    at: list[float] = []
    beginning = b""
    try:
        for piece in stream:
            beginning = beginning or piece
            came = monotonic() - begun
            at.extend(came for event in decoder.feed(piece) if isinstance(event, TextDelta | ReasoningDelta))
            if decoder.done or came > LONGEST_STREAM.total_seconds():
                break
        else:
            tuple(decoder.finish())
    except ResponseTimeoutError as error:
        return _stalled(asked, len(at)) if at else failed_exchange(asked, error)
    except (TransportError, StreamInterruptedError) as error:
        return _cut(asked, error, at, stream)
    except UpstreamStatusError as error:
        told = HttpResponse(status=error.status, headers=stream.headers, body=error.body)
        return unexpected(asked, told, said=said(told))
    except UpstreamProtocolError as error:
        return not_json(asked, error.text, beginning, status=stream.status)
    if decoder.chunks == 0:
        return _no_stream(asked, stream)
    return judge_stream(Arrivals(at_s=tuple(at), one_word_s=one_word_s), headers=stream.headers, route=route)


def _stalled(asked: Asked, pieces: int) -> Check:
    seconds = f"{asked.limit.total_seconds():g}"
    return failed(
        asked.name,
        Text(
            f"the stream stalled: {pieces} pieces, then nothing for {seconds} s",
            f"流在中途停滞：收到 {pieces} 个片段后，{seconds} 秒内没有新内容",
        ),
        mend=Text(
            "The model or something between hangs: try again, then ask who runs the model's server.",
            "模型或途中的设备没有响应：请重试；若仍如此，请询问模型服务的管理员。",
        ),
        fault="stream_stalled",
        blame=Blame.UPSTREAM,
        details={"pieces": pieces},
    )


def _cut(asked: Asked, error: OCAError, at: Sequence[float], stream: ResponseStream) -> Check:
    between = "; ".join(between_of(stream.headers))
    return failed(
        asked.name,
        Text(f"the stream was cut after {len(at)} pieces of text", f"流在 {len(at)} 个文本片段之后被截断"),
        mend=Text(
            "Something between ends connections early (a time limit of a proxy), or the model's server fails: try "
            "again, then ask who runs them.",
            "途中的设备提前断开了连接（例如代理的超时限制），或模型服务出现故障：请重试；若仍如此，请询问其管理员。",
        ),
        fault="stream_cut",
        blame=Blame.UPSTREAM,
        details={
            "pieces": len(at),
            "after_s": round(at[-1], 3) if at else None,
            "passed_through": between or None,
            "how": str(error),
        },
    )


def _no_stream(asked: Asked, stream: ResponseStream) -> Check:
    kind = (find_header(stream.headers, "Content-Type") or "-")[:80]
    return failed(
        asked.name,
        Text(f"asked for a stream, got a whole answer ({kind})", f"请求的是流式输出，得到的却是整个回答（{kind}）"),
        mend=Text(
            "The model's server does not stream, or something between gathers the answer: ask who runs them.",
            "模型服务不支持流式输出，或途中的设备合并了回答：请询问其管理员。",
        ),
        fault="no_stream",
        blame=Blame.UPSTREAM,
        details={"content_type": kind},
    )
