"""Content blocks of every generation and make on their way to the wire of chat completions."""

import base64
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models._utils import (
    _normalize_messages,  # pyright: ignore[reportPrivateUsage] - what stands before us in every call
)
from langchain_core.messages import HumanMessage
from langchain_core.messages.block_translators.openai import convert_to_openai_data_block
from langchain_core.messages.content import (
    create_audio_block,
    create_file_block,
    create_image_block,
    create_plaintext_block,
    create_text_block,
    create_video_block,
)

from adapters.langchain.content import NOT_SENT, parts_of
from tests.adapters.langchain.wire_of import content_on_wire, part_on_wire, wire_of

DATA = base64.b64encode(b"bytes of something").decode()
PNG = f"data:image/png;base64,{DATA}"
PDF = f"data:application/pdf;base64,{DATA}"
WEB = "https://example.com/thing"
Block = dict[str, Any]


def image(url: str, **more: Any) -> Block:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def recording(kind: str) -> Block:
    return {"type": "input_audio", "input_audio": {"data": DATA, "format": kind}}


def file(**members: Any) -> Block:
    return {"type": "file", "file": members}


def words(text: str) -> Block:
    return {"type": "text", "text": text}


# LangChain turns these into chat completions itself, and so do we.
AS_LANGCHAIN: dict[str, Block] = {
    "v1 image by address": {"type": "image", "url": WEB},
    "v1 image in base64": {"type": "image", "base64": DATA, "mime_type": "image/png"},
    "v1 image with an id": dict(create_image_block(base64=DATA, mime_type="image/png")),
    "v0 image by address": {"type": "image", "source_type": "url", "url": WEB},
    "v0 image in base64": {"type": "image", "source_type": "base64", "data": DATA, "mime_type": "image/jpeg"},
    "v1 recording": {"type": "audio", "base64": DATA, "mime_type": "audio/wav"},
    "v0 recording": {"type": "audio", "source_type": "base64", "data": DATA, "mime_type": "audio/mp3"},
    "v1 file with a name": {"type": "file", "base64": DATA, "mime_type": "application/pdf", "filename": "a.pdf"},
    "v1 file with a name in extras": dict(create_file_block(base64=DATA, mime_type="text/csv", filename="a.csv")),
    "v0 file with a name in metadata": {
        "type": "file",
        "source_type": "base64",
        "data": DATA,
        "mime_type": "application/pdf",
        "metadata": {"filename": "a.pdf"},
    },
    "v1 file by id": dict(create_file_block(file_id="file-1")),
    "v0 file by id": {"type": "file", "source_type": "id", "id": "file-1"},
}

# As given, and as sent.
BLOCKS: dict[str, tuple[Block, Any]] = {
    # LangChain's of today, which its own translation to chat completions refuses (documents and recordings by address,
    # images by id, videos), or sends as upstreams refuse it (`mpeg` for `mp3`, a made-up file name).
    "text": (dict(create_text_block("Hi")), words("Hi")),
    "text with notes": ({"type": "text", "text": "Hi", "annotations": [{"type": "citation"}]}, words("Hi")),
    "plain text": (dict(create_plaintext_block("Hi")), words("Hi")),
    "plain text in base64": (
        {"type": "text-plain", "base64": base64.b64encode("Grüß dich".encode()).decode(), "mime_type": "text/plain"},
        words("Grüß dich"),
    ),
    "plain text by address": ({"type": "text-plain", "url": WEB, "mime_type": "text/plain"}, file(file_data=WEB)),
    "plain text by id": ({"type": "text-plain", "file_id": "f", "mime_type": "text/plain"}, file(file_id="f")),
    "image without a type": ({"type": "image", "base64": DATA}, image(PNG)),
    "image with detail": ({"type": "image", "url": WEB, "extras": {"detail": "low"}}, image(WEB, detail="low")),
    "image by id": (dict(create_image_block(file_id="f")), file(file_id="f")),
    "recording in mp3": (dict(create_audio_block(base64=DATA, mime_type="audio/mpeg")), recording("mp3")),
    "recording with a codec": ({"type": "audio", "base64": DATA, "mime_type": "audio/x-wav;c=1"}, recording("wav")),
    "recording without a type": ({"type": "audio", "base64": DATA}, recording("wav")),
    "recording by address": (dict(create_audio_block(url=WEB)), {"type": "audio_url", "audio_url": {"url": WEB}}),
    "recording by id": ({"type": "audio", "file_id": "f"}, file(file_id="f")),
    "video by address": (dict(create_video_block(url=WEB)), {"type": "video_url", "video_url": {"url": WEB}}),
    "video in base64": (
        dict(create_video_block(base64=DATA, mime_type="video/webm")),
        {"type": "video_url", "video_url": {"url": f"data:video/webm;base64,{DATA}"}},
    ),
    "video by id": ({"type": "video", "file_id": "f"}, file(file_id="f")),
    "file without a name": (
        {"type": "file", "base64": DATA, "mime_type": "application/pdf"},
        file(filename="document.pdf", file_data=PDF),
    ),
    "file of a type with parameters": (
        {"type": "file", "base64": DATA, "mime_type": "text/html; charset=utf-8"},
        file(filename="document.html", file_data=f"data:text/html; charset=utf-8;base64,{DATA}"),
    ),
    "file by address": ({"type": "file", "url": WEB}, file(file_data=WEB)),
    "block of another make in LangChain's wrapping": ({"type": "non_standard", "value": image(WEB)}, image(WEB)),
    "block of an unknown make in LangChain's wrapping": (
        {"type": "non_standard", "value": {"type": "x"}},
        {"type": "x"},
    ),
    # LangChain's of before
    "v0 image by id": ({"type": "image", "source_type": "id", "id": "f"}, file(file_id="f")),
    "v0 recording by address": (
        {"type": "audio", "source_type": "url", "url": WEB},
        {"type": "audio_url", "audio_url": {"url": WEB}},
    ),
    "v0 file by address": ({"type": "file", "source_type": "url", "url": WEB}, file(file_data=WEB)),
    "v0 text file": ({"type": "file", "source_type": "text", "text": "Hi"}, words("Hi")),
    "v0 text file under its later name": ({"type": "file", "source_type": "text", "url": "Hi"}, words("Hi")),
    "v0 text": ({"type": "text", "source_type": "text", "text": "Hi"}, words("Hi")),
    "v0 text in base64": (
        {"type": "text", "source_type": "base64", "data": base64.b64encode(b"Hi").decode()},
        words("Hi"),
    ),
    # OpenAI's chat completions
    "image_url": (image(WEB, detail="high"), image(WEB, detail="high")),
    "image_url as a string": ({"type": "image_url", "image_url": PNG}, image(PNG)),
    "input_audio": (recording("mp3"), recording("mp3")),
    "file": (file(file_data=PDF, filename="a.pdf"), file(filename="a.pdf", file_data=PDF)),
    "file_id": (file(file_id="f"), file(file_id="f")),
    "file with what only the upstream knows": (
        {"type": "file", "file": {"file_id": "gs://x", "format": "video/mp4"}},
        {"type": "file", "file": {"file_id": "gs://x", "format": "video/mp4"}},
    ),
    # OpenAI's Responses API
    "input_text": ({"type": "input_text", "text": "Hi"}, words("Hi")),
    "output_text": ({"type": "output_text", "text": "Hi", "annotations": []}, words("Hi")),
    "input_image": ({"type": "input_image", "image_url": PNG, "detail": "low"}, image(PNG, detail="low")),
    "input_image by id": ({"type": "input_image", "file_id": "f", "detail": "low"}, file(file_id="f")),
    "input_file": (
        {"type": "input_file", "file_data": PDF, "filename": "a.pdf"},
        file(filename="a.pdf", file_data=PDF),
    ),
    "input_file by address": ({"type": "input_file", "file_url": WEB}, file(file_data=WEB)),
    "input_file by id": ({"type": "input_file", "file_id": "f"}, file(file_id="f")),
    # Anthropic's
    "anthropic image in base64": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}},
        image(PNG),
    ),
    "anthropic image by address": ({"type": "image", "source": {"type": "url", "url": WEB}}, image(WEB)),
    "anthropic image by id": ({"type": "image", "source": {"type": "file", "file_id": "f"}}, file(file_id="f")),
    "anthropic document in base64": (
        {"type": "document", "title": "A", "source": {"type": "base64", "media_type": "application/pdf", "data": DATA}},
        file(filename="A", file_data=PDF),
    ),
    "anthropic document by address": ({"type": "document", "source": {"type": "url", "url": WEB}}, file(file_data=WEB)),
    "anthropic document by id": ({"type": "document", "source": {"type": "file", "file_id": "f"}}, file(file_id="f")),
    "anthropic document of words": (
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"}},
        words("Hi"),
    ),
    # Bedrock's
    "bedrock text": ({"text": "Hi"}, words("Hi")),
}


@pytest.mark.parametrize("block", AS_LANGCHAIN.values(), ids=AS_LANGCHAIN.keys())
def test_what_langchain_knows_how_to_send_we_send_alike(block: Block) -> None:
    assert part_on_wire(block) == convert_to_openai_data_block(block)


@pytest.mark.parametrize(("block", "sent"), BLOCKS.values(), ids=BLOCKS.keys())
def test_a_block_becomes_the_part_that_chat_completions_have_for_it(block: Block, sent: Any) -> None:
    before = repr(block)
    assert part_on_wire(block) == sent
    assert repr(block) == before


# LangChain trips over the one, and drops what it does not know of the other.
NOT_NORMALIZED = ("v0 text file", "file with what only the upstream knows")
NORMALIZED = AS_LANGCHAIN | {name: given for name, (given, _) in BLOCKS.items() if name not in NOT_NORMALIZED}


@pytest.mark.parametrize("block", NORMALIZED.values(), ids=NORMALIZED.keys())
def test_it_is_the_same_whether_or_not_langchain_has_normalized_the_message(block: Block) -> None:
    message = HumanMessage([{"type": "beside"}, block])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        normalized = _normalize_messages([message])
    assert wire_of(normalized) == wire_of([message])


@pytest.mark.parametrize(
    "block",
    [
        {"type": "x", "data": [1, {"y": None}]},
        {"cachePoint": {"type": "default"}},
        {"type": "video_url", "video_url": {"url": WEB}},
        {"type": "guard", "text": "x"},
        {"text": "x", "more": 1},
    ],
)
def test_what_we_know_nothing_of_goes_to_the_upstream_as_it_is(block: Block) -> None:
    assert part_on_wire(block) == block


@pytest.mark.parametrize("kind", sorted(NOT_SENT))
def test_what_the_model_thought_and_called_is_no_content(kind: str) -> None:
    block = {"type": kind, "text": "x", "reasoning": "x", "data": "x"}
    assert content_on_wire(block, {"type": "non_standard", "value": block}, "Hi") == "Hi"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image"},
        {"type": "image", "mime_type": "image/png"},
        {"type": "image", "source": {"type": "base64"}},
        {"type": "image_url"},
        {"type": "image_url", "image_url": None},
        {"type": "image_url", "image_url": {"detail": "low"}},
        {"type": "input_image"},
        {"type": "audio"},
        {"type": "input_audio"},
        {"type": "input_audio", "input_audio": {"format": "wav"}},
        {"type": "video"},
        {"type": "file"},
        {"type": "file", "file": {}},
        {"type": "file", "file": {"filename": "a.pdf"}},
        {"type": "input_file", "filename": "a.pdf"},
        {"type": "document", "source": {"type": "base64"}},
        {"type": "document", "source": {"type": "content", "content": []}},
        {"type": "text-plain"},
    ],
    ids=str,
)
def test_a_block_without_data_is_refused_with_what_it_needs(block: Block) -> None:
    with pytest.raises(ValueError, match=rf"type '{block['type']}' holds no data. It needs one of: \w+"):
        parts_of([block])


@pytest.mark.parametrize("data", ["not base64!", base64.b64encode(b"\xff\xfe").decode()])
def test_plain_text_that_is_no_text_is_refused(data: str) -> None:
    with pytest.raises(ValueError, match=r"'text-plain' holds no base64 of UTF-8 text"):
        parts_of([{"type": "text-plain", "base64": data, "mime_type": "text/plain"}])


@pytest.mark.parametrize("mark", ["cache_control", "prompt_cache_breakpoint"])
@pytest.mark.parametrize("place", ["block", "extras"])
@pytest.mark.parametrize(
    "name", ["text", "image_url", "input_audio", "file", "anthropic image in base64", "recording by address"]
)
def test_marks_for_the_upstreams_cache_stay_at_their_part(name: str, place: str, mark: str) -> None:
    block, sent = BLOCKS[name]
    marks = {mark: {"type": "ephemeral"}}
    assert part_on_wire({**block, **(marks if place == "block" else {"extras": marks})}) == {**sent, **marks}


@pytest.mark.parametrize("nothing", ["", words(""), {"type": "text", "index": 0}, {"type": "text", "text": None}])
def test_a_text_of_nothing_is_not_sent(nothing: str | Block) -> None:
    assert content_on_wire(nothing, image(WEB)) == [image(WEB)]
    assert content_on_wire(nothing) == ""


@given(st.lists(st.text()))
def test_pure_text_is_one_string_however_it_was_cut(pieces: list[str]) -> None:
    blocks = [words(piece) if at % 2 else piece for at, piece in enumerate(pieces)]
    whole = "".join(pieces).encode(errors="replace").decode()
    assert content_on_wire(*blocks) == whole
    assert wire_of([HumanMessage("".join(pieces))])[0]["content"] == whole


KINDS = ("image", "image_url", "input_image", "audio", "input_audio", "video", "file", "text", "text-plain", "document")


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(KINDS)},
        optional={
            **{name: st.none() | st.text(max_size=4) for name in ("text", "data", "url", "base64", "file_id", "id")},
            "source_type": st.sampled_from(["url", "base64", "id", "text", "other"]),
            "mime_type": st.none() | st.text(max_size=4),
            **{
                name: st.text(max_size=4)
                | st.dictionaries(st.sampled_from(["type", "url", "data", "file_id", "file_data"]), st.text(max_size=4))
                for name in ("source", "image_url", "file", "input_audio", "extras")
            },
        },
    )
)
def test_whatever_a_block_holds_it_is_sent_or_refused_in_plain_words(block: Block) -> None:
    try:
        content_on_wire(block)
    except ValueError as error:
        assert "A content block of type" in str(error)  # noqa: PT017 - which of both is not the point
