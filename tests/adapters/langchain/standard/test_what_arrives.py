"""What LangChain's suites leave out: that what the caller gives reaches the upstream, whole and in its place."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from tests.adapters.langchain.standard.media_files import in_base64, pdf, png, wav
from tests.adapters.langchain.standard.world import World

PNG_URL = f"data:image/png;base64,{in_base64(png())}"
PDF_URL = f"data:application/pdf;base64,{in_base64(pdf())}"
WEB_URL = "https://example.com/picture.png"
IMAGE_SENT = {"type": "image_url", "image_url": {"url": PNG_URL}}
AUDIO_SENT = {"type": "input_audio", "input_audio": {"data": in_base64(wav()), "format": "wav"}}
IMAGE_SEEN = "1 image"
AUDIO_SEEN = "1 recording"
PDF_SEEN = "1 document (test_file.pdf)"
# As given, as it must stand on the wire, as the sandbox tells it.
MEDIA: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "image in base64": (
        {"type": "image", "base64": in_base64(png()), "mime_type": "image/png"},
        IMAGE_SENT,
        IMAGE_SEEN,
    ),
    "image as OpenAI has it": (IMAGE_SENT, IMAGE_SENT, IMAGE_SEEN),
    "image as Anthropic has it": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": in_base64(png())}},
        IMAGE_SENT,
        IMAGE_SEEN,
    ),
    "image by its address": (
        {"type": "image", "url": WEB_URL},
        {"type": "image_url", "image_url": {"url": WEB_URL}},
        IMAGE_SEEN,
    ),
    "recording in base64": (
        {"type": "audio", "base64": in_base64(wav()), "mime_type": "audio/wav"},
        AUDIO_SENT,
        AUDIO_SEEN,
    ),
    "recording as OpenAI has it": (AUDIO_SENT, AUDIO_SENT, AUDIO_SEEN),
    "document in base64": (
        {"type": "file", "base64": in_base64(pdf()), "mime_type": "application/pdf", "filename": "test_file.pdf"},
        {"type": "file", "file": {"file_data": PDF_URL, "filename": "test_file.pdf"}},
        PDF_SEEN,
    ),
    "document as OpenAI has it": (
        {"type": "file", "file": {"file_data": PDF_URL, "filename": "test_file.pdf"}},
        {"type": "file", "file": {"file_data": PDF_URL, "filename": "test_file.pdf"}},
        PDF_SEEN,
    ),
    "document by its id": (
        {"type": "file", "file_id": "file-7"},
        {"type": "file", "file": {"file_id": "file-7"}},
        "1 document (file-7)",
    ),
}


@pytest.mark.parametrize(("given", "sent", "seen"), MEDIA.values(), ids=MEDIA.keys())
def test_what_a_user_shows_arrives(world: World, given: dict[str, Any], sent: dict[str, Any], seen: str) -> None:
    answer = world.model().invoke([HumanMessage([{"type": "text", "text": "Look!"}, given])])

    assert f"I see {seen}." in answer.text
    assert world.last_body()["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Look!"}, sent]}]


@pytest.mark.parametrize(("given", "sent", "seen"), MEDIA.values(), ids=MEDIA.keys())
def test_what_a_tool_shows_arrives(world: World, given: dict[str, Any], sent: dict[str, Any], seen: str) -> None:
    messages: list[BaseMessage] = [
        HumanMessage("Draw!"),
        AIMessage([], tool_calls=[{"type": "tool_call", "id": "1", "name": "draw", "args": {}}]),
        ToolMessage([given], tool_call_id="1", name="draw"),
    ]
    answer = world.model().invoke(messages)

    assert f"The tool draw answered with {seen}." in answer.text
    result = world.last_body()["messages"][-1]
    assert (result["role"], result["tool_call_id"], result["content"]) == ("tool", "1", [sent])


def test_a_document_without_a_name_gets_one(world: World) -> None:
    given = {"type": "file", "base64": in_base64(pdf()), "mime_type": "application/pdf"}
    answer = world.model().invoke([HumanMessage([{"type": "text", "text": "Look!"}, given])])

    assert "I see 1 document (" in answer.text
    assert world.last_body()["messages"][0]["content"][1]["file"]["filename"]


def test_what_anthropics_model_thought_and_called_is_no_content_for_others(world: World) -> None:
    call = {"name": "color_picker", "args": {"color": "purple"}, "id": "foo", "type": "tool_call"}
    blocks: list[str | dict[str, Any]] = [
        {"type": "thinking", "thinking": "A greeting.", "signature": "c2ln"},
        {"type": "text", "text": "Let me see"},
        {"type": "tool_use", "input": {"color": "purple"}, "id": "foo", "name": "color_picker"},
    ]
    answer = world.model().invoke(
        [HumanMessage("Pick a colour"), AIMessage(blocks, tool_calls=[call]), ToolMessage("Great!", tool_call_id="foo")]
    )

    assert "color_picker answered: Great!" in answer.text
    said = world.last_body()["messages"][1]
    assert said["content"] in ("Let me see", [{"type": "text", "text": "Let me see"}])
    assert [each["function"]["name"] for each in said["tool_calls"]] == ["color_picker"]


def test_every_message_arrives_in_its_place_and_under_its_name(world: World) -> None:
    world.model().invoke(
        [SystemMessage("a"), SystemMessage("b"), HumanMessage("c", name="Ada"), HumanMessage("d"), AIMessage("e")]
    )

    sent = [(each["role"], each["content"], each.get("name")) for each in world.last_body()["messages"]]
    assert sent == [
        ("system", "a", None),
        ("system", "b", None),
        ("user", "c", "Ada"),
        ("user", "d", None),
        ("assistant", "e", None),
    ]
