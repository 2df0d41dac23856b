"""Images, recordings and documents: what is seen of them, what they cost, and what is none."""

from typing import Any

import httpx
import pytest

from adapters.sandbox.media import audio_kind, audio_tokens, image_kind, read_data_url
from tests.adapters.sandbox.exchanges import (
    GIF,
    JPEG,
    MP3,
    PDF,
    PNG,
    WAV,
    WEBP,
    answer_in,
    audio_part,
    data_url,
    file_part,
    image_part,
    in_base64,
    result_of,
    show,
    text_part,
)
from tests.adapters.sandbox.openai_schemas import assert_valid


@pytest.mark.parametrize(
    ("parts", "english", "chinese"),
    [
        ([image_part()], "I see 1 image.", "我看到了 1 张图片。"),
        ([image_part(), image_part()], "I see 2 images.", "我看到了 2 张图片。"),
        ([audio_part()], "I see 1 recording.", "我看到了 1 段录音。"),
        ([file_part()], "I see 1 document (test_file.pdf).", "我看到了 1 份文档（test_file.pdf）。"),
        (
            [image_part(), file_part(), audio_part()],
            "I see 1 image, 1 recording and 1 document (test_file.pdf).",
            "我看到了 1 张图片、1 段录音和 1 份文档（test_file.pdf）。",
        ),
        (
            [file_part(), audio_part(), audio_part(), file_part(file_id="file-7")],
            "I see 2 recordings and 2 documents (test_file.pdf, file-7).",
            "我看到了 2 段录音和 2 份文档（test_file.pdf, file-7）。",
        ),
    ],
)
def test_the_answer_tells_what_was_shown(
    api: httpx.Client, parts: list[dict[str, Any]], english: str, chinese: str
) -> None:
    for text, words in (("Look", english), ("看", chinese)):
        assert words in answer_in(api.post("/chat/completions", json=show(text_part(text), *parts)))


@pytest.mark.parametrize(
    ("content", "english", "chinese"),
    [
        ("7", "The tool draw answered: 7.", "工具 draw 的结果是：7。"),
        ("", "The tool draw answered: .", "工具 draw 的结果是：。"),
        ([image_part()], "The tool draw answered with 1 image.", "工具 draw 的结果包含 1 张图片。"),
        (
            [text_part("Two"), image_part(), file_part()],
            "The tool draw answered: Two, with 1 image and 1 document (test_file.pdf).",
            "工具 draw 的结果是：Two，包含 1 张图片和 1 份文档（test_file.pdf）。",
        ),
        ([audio_part()], "The tool draw answered with 1 recording.", "工具 draw 的结果包含 1 段录音。"),
    ],
)
def test_what_a_tool_shows_is_told_too(api: httpx.Client, content: Any, english: str, chinese: str) -> None:
    for question, words in (("Draw!", english), ("画", chinese)):
        assert words in answer_in(api.post("/chat/completions", json=result_of("draw", content, question)))


@pytest.mark.parametrize(
    "part",
    [
        *(
            image_part(data_url(f"image/{kind}", data))
            for kind, data in (("png", PNG), ("jpeg", JPEG), ("jpg", JPEG), ("gif", GIF), ("webp", WEBP), ("PNG", PNG))
        ),
        image_part("https://example.com/a.png"),
        image_part("http://example.com/a.png", detail="low"),
        image_part(detail=None),
        image_part(f"data:image/png;name=a.png;base64,{in_base64(PNG)}"),
        audio_part(in_base64(MP3), "mp3"),
        audio_part(in_base64(b"ID3" + MP3), "mp3"),
        file_part(file_id="file-abc"),
        file_part(file_data=data_url("text/plain", b"Hello"), filename="a.txt"),
        image_part() | {"cache_control": {"type": "ephemeral"}},
        text_part("Hello") | {"cache_control": {"type": "ephemeral"}},
    ],
    ids=lambda part: str(part)[:80],
)
@pytest.mark.parametrize("by_a_tool", [False, True])
def test_what_is_in_order_is_taken(api: httpx.Client, part: dict[str, Any], by_a_tool: bool) -> None:
    response = api.post("/chat/completions", json=result_of("f", [part]) if by_a_tool else show(part))

    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "image_url"}, "image_url"),
        ({"type": "image_url", "image_url": "https://example.com/a.png"}, "image_url"),
        (image_part(detail="sharp"), "image_url.detail"),
        (image_part("a.png"), "image_url.url"),
        (image_part("ftp://example.com/a.png"), "image_url.url"),
        (image_part("https://"), "image_url.url"),
        (image_part("http://[1/a.png"), "image_url.url"),
        (image_part(""), "image_url.url"),
        (image_part("data:image/png,raw"), "image_url.url"),
        (image_part("data:;base64,AAAA"), "image_url.url"),
        (image_part("data:image/png;base64,AAA"), "image_url.url"),
        (image_part("data:image/png;base64,A A="), "image_url.url"),
        (image_part("data:image/png;base64,图片"), "image_url.url"),
        (image_part("data:image/png;base64,"), "image_url.url"),
        (image_part(data_url("image/png", JPEG)), "image_url.url"),
        (image_part(data_url("image/webp", WAV)), "image_url.url"),
        (image_part(data_url("image/svg+xml", b"<svg/>")), "image_url.url"),
        (image_part(data_url("application/pdf", PDF)), "image_url.url"),
        ({"type": "input_audio"}, "input_audio"),
        ({"type": "input_audio", "input_audio": {"format": "wav"}}, "input_audio.data"),
        ({"type": "input_audio", "input_audio": {"data": in_base64(WAV)}}, "input_audio.format"),
        (audio_part(kind="ogg"), "input_audio.format"),
        (audio_part("?"), "input_audio.data"),
        (audio_part(""), "input_audio.data"),
        (audio_part(data_url("audio/wav", WAV)), "input_audio.data"),
        (audio_part(in_base64(MP3), "wav"), "input_audio.data"),
        (audio_part(in_base64(WAV), "mp3"), "input_audio.data"),
        ({"type": "file", "file": []}, "file"),
        ({"type": "file", "file": {}}, "file.file_data"),
        (file_part(file_data=data_url("application/pdf", PDF)), "file.filename"),
        (file_part(filename="a.pdf"), "file.file_data"),
        (file_part(file_id=""), "file.file_id"),
        (file_part(file_id=7), "file.file_id"),
        (file_part(file_id="file-7", file_data=data_url("application/pdf", PDF)), "file.file_data"),
        (file_part(file_data=in_base64(PDF), filename="a.pdf"), "file.file_data"),
        (file_part(file_data=data_url("application/pdf", PNG), filename="a.pdf"), "file.file_data"),
        (file_part(file_data=data_url("text/plain", b""), filename="a.txt"), "file.file_data"),
    ],
    ids=lambda value: str(value)[:80],
)
@pytest.mark.parametrize("by_a_tool", [False, True])
def test_what_is_broken_is_refused_by_its_place(
    api: httpx.Client, part: dict[str, Any], param: str, by_a_tool: bool
) -> None:
    parts = [text_part("Look"), part]
    response = api.post("/chat/completions", json=result_of("f", parts) if by_a_tool else show(*parts))

    assert response.status_code == 400
    assert_valid("ErrorResponse", response.json())
    error = response.json()["error"]
    place = f"messages[{2 if by_a_tool else 0}].content[1].{param}"
    assert (error["type"], error["param"]) == ("invalid_request_error", place)


@pytest.mark.parametrize("role", ["system", "developer", "assistant"])
def test_only_users_and_tools_show_things(api: httpx.Client, role: str) -> None:
    question = show(image_part())
    question["messages"].insert(0, {"role": role, "content": [image_part()]})

    error = api.post("/chat/completions", json=question).json()["error"]
    assert error["param"] == "messages[0].content[0].type"


def test_recordings_are_counted_by_the_second_as_a_part_of_the_prompt(api: httpx.Client) -> None:
    without, with_two = (
        api.post("/chat/completions", json=show(text_part("Listen"), *parts)).json()["usage"]
        for parts in ([], [audio_part(), audio_part(in_base64(MP3), "mp3")])
    )

    assert without["prompt_tokens_details"]["audio_tokens"] == 0
    # Two seconds and one.
    assert with_two["prompt_tokens_details"]["audio_tokens"] == 30
    assert with_two["prompt_tokens"] == without["prompt_tokens"] + 30


def test_no_token_is_both_cached_and_heard(api: httpx.Client) -> None:
    question = show(text_part("word " * 1020), *[audio_part()] * 10)
    usage = api.post("/chat/completions", json=question).json()["usage"]

    assert usage["prompt_tokens_details"] == {"cached_tokens": 1024, "audio_tokens": 200}
    assert usage["prompt_tokens"] == 1027 + 200


def test_images_and_documents_cost_tokens(api: httpx.Client) -> None:
    costs = [
        api.post("/chat/completions", json=show(text_part("Look"), *parts)).json()["usage"]["prompt_tokens"]
        for parts in ([], [image_part()], [file_part()])
    ]

    assert costs[0] < costs[1] < costs[2]


@pytest.mark.parametrize("data", [b"", b"RIFF", b"WAVE", b"\xff", b"GIF88a", b"PNG", b"RIFF....AVI "])
def test_other_bytes_are_neither_image_nor_sound(data: bytes) -> None:
    assert image_kind(data) is None
    assert audio_kind(data) is None


def test_a_broken_head_still_counts() -> None:
    assert audio_tokens(in_base64(b"RIFF....WAVE")) == 1
    assert audio_tokens(in_base64(b"RIFF....WAVE" + bytes(160_000))) == 100


def test_a_large_data_url_is_read() -> None:
    data = bytes(5_000_000)
    read = read_data_url(data_url("Image/PNG", data))

    assert read is not None
    assert (read.mime_type, read.data) == ("image/png", data)
