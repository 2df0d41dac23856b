"""What LangChain's suites leave out: that the answers are right."""

import asyncio
from pathlib import Path
from typing import Any, Literal

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.tools import tool
from langchain_tests.integration_tests.chat_models import magic_function, unicode_customer
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from tests.adapters.langchain.standard.media_files import AUDIO_SECONDS, in_base64, wav
from tests.adapters.langchain.standard.world import REASONER, World


class Home(BaseModel):
    city: Literal["Paris", "Oslo"]
    floor: int | None = None


class Person(BaseModel):
    """Someone."""

    name: str = Field(min_length=2)
    age: int = Field(ge=0, lt=150)
    home: Home


class PersonDict(TypedDict):
    """Someone."""

    name: str
    age: int


PERSON = {
    "title": "person",
    "description": "Someone.",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}
QUESTION = "This is Ada Lovelace, aged 36, and she lives in Oslo on floor 7."
METHODS = ("json_schema", "function_calling")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (Person, Person(name="Ada Lovelace", age=36, home=Home(city="Oslo", floor=7))),
        (PersonDict, {"name": "Ada Lovelace", "age": 36}),
        (PERSON, {"name": "Ada Lovelace", "age": 36}),
    ],
)
async def test_a_structured_answer_is_of_its_schema_and_right(
    world: World, schema: Any, value: Any, method: Literal["json_schema", "function_calling"]
) -> None:
    model = world.model().with_structured_output(schema, method=method)

    assert model.invoke(QUESTION) == value
    assert await model.ainvoke(QUESTION) == value
    assert list(model.stream(QUESTION))[-1] == value
    assert [piece async for piece in model.astream(QUESTION)][-1] == value


@pytest.mark.parametrize("method", METHODS)
def test_a_structured_answer_shows_what_it_was_made_of(
    world: World, method: Literal["json_schema", "function_calling"]
) -> None:
    made: Any = world.model().with_structured_output(Person, method=method, include_raw=True).invoke(QUESTION)

    assert isinstance(made["raw"], AIMessage)
    assert bool(made["raw"].tool_calls) == (method == "function_calling")
    assert made["parsed"] == Person(name="Ada Lovelace", age=36, home=Home(city="Oslo", floor=7))
    assert made["parsing_error"] is None


class Joke(BaseModel):
    setup: str
    punchline: str


def test_json_mode_sends_no_schema_and_reads_what_comes(world: World) -> None:
    model = world.model().with_structured_output(Joke, method="json_mode")

    assert model.invoke("A joke as JSON, with 'setup' and 'punchline'.") == Joke(
        setup="sandbox setup", punchline="sandbox punchline"
    )
    assert world.last_body()["response_format"] == {"type": "json_object"}


def test_stop_words_cut_the_answer(world: World) -> None:
    cut = "Hello from the OCA Gateway "

    assert world.model().invoke("hi", stop=["sandbox"]).text == cut
    assert world.model(stop=["sandbox"]).invoke("hi").text == cut
    assert "".join(chunk.text for chunk in world.model(stop=["sandbox"]).stream("hi")) == cut
    assert world.last_body()["stop"] == ["sandbox"]


def arguments_in(message: BaseMessage) -> list[dict[str, Any]]:
    assert isinstance(message, AIMessage)
    assert not message.invalid_tool_calls
    return [call["args"] for call in message.tool_calls]


def test_each_wish_is_one_call_streamed_or_not(world: World) -> None:
    question = "magic_function(3) and magic_function(-4)"
    model = world.model()

    for parallel, arguments in ((None, [{"input": 3}, {"input": -4}]), (False, [{"input": 3}])):
        bound = model.bind_tools([magic_function], parallel_tool_calls=parallel)
        whole = bound.invoke(question)
        assert arguments_in(whole) == arguments
        assert whole.response_metadata["finish_reason"] == "tool_calls"
        first, *others = bound.stream(question)
        assert isinstance(first, AIMessageChunk)
        assert (
            arguments_in(first.__add__([chunk for chunk in others if isinstance(chunk, AIMessageChunk)])) == arguments
        )


@pytest.mark.parametrize(
    ("choice", "names"),
    [("any", ["magic_function"]), ("unicode_customer", ["unicode_customer"]), ("none", []), (None, [])],
)
def test_the_choice_of_a_tool_is_obeyed(world: World, choice: str | None, names: list[str]) -> None:
    answer = world.model().bind_tools([magic_function, unicode_customer], tool_choice=choice).invoke("Hello!")

    assert [call["name"] for call in answer.tool_calls] == names


@pytest.mark.parametrize("name", ["你好啊集团", "こんにちは株式会社", "Ünïcödé 🎈"])
def test_a_name_in_any_script_comes_back_as_it_was(world: World, name: str) -> None:
    bound = world.model().bind_tools([unicode_customer], tool_choice="any")

    (arguments,) = arguments_in(bound.invoke(f"Create a customer named '{name}'"))
    assert arguments["customer_name"] == name


def test_a_tool_without_arguments_and_its_answer_make_a_whole_conversation(world: World) -> None:
    @tool
    def tell_time() -> str:
        """The time."""
        return "noon"

    bound = world.model().bind_tools([tell_time])
    asked = bound.invoke("tell_time, please")
    (call,) = asked.tool_calls
    assert call["args"] == {}

    answer = bound.invoke([HumanMessage("tell_time, please"), asked, tell_time.invoke(call)])
    assert "tell_time answered: noon." in answer.text


LONG = "word " * 1500
RECORDING = {"type": "input_audio", "input_audio": {"data": in_base64(wav()), "format": "wav"}}


@pytest.mark.parametrize(
    ("message", "options", "detail", "least"),
    [
        ([{"type": "text", "text": "Listen!"}, RECORDING], {}, ("input_token_details", "audio"), AUDIO_SECONDS * 10),
        ("Think!", {"model": REASONER}, ("output_token_details", "reasoning"), 5),
        (LONG, {}, ("input_token_details", "cache_read"), 1024),
    ],
)
def test_the_usage_is_the_upstreams_in_both_modes(
    world: World, message: Any, options: dict[str, Any], detail: tuple[str, str], least: int
) -> None:
    model = world.model()
    whole = model.invoke([HumanMessage(message)], **options)
    first, *others = model.stream([HumanMessage(message)], **options)
    assert isinstance(first, AIMessageChunk)
    usage: Any = whole.usage_metadata

    group, name = detail
    assert usage[group][name] >= least
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert first.__add__(others).usage_metadata == usage


async def test_an_asyncio_stream_is_recorded_without_its_token_and_played_back(
    world: World, vcr_config: dict[str, Any], tmp_path: Path
) -> None:
    vcr: Any = pytest.importorskip("vcr")
    recorder = vcr.VCR(match_on=vcr_config["match_on"], filter_headers=vcr_config["filter_headers"])
    token = world.token_manager.get_access_token()

    texts: list[str] = []
    for reached in (1, 0):
        before = len(world.sandbox.controls.received)
        with recorder.use_cassette(str(tmp_path / "stream.yaml")):
            texts.append("".join([chunk.text async for chunk in world.model().astream("A new story")]))
        assert len(world.sandbox.controls.received) - before == reached

    assert texts[0] == texts[1] != ""
    assert token not in (tmp_path / "stream.yaml").read_text(encoding="utf-8")


def test_one_model_serves_one_event_loop_after_the_other(world: World) -> None:
    model = world.model()

    async def ask() -> list[str]:
        streamed = "".join([chunk.text async for chunk in model.astream("Hello")])
        return [(await model.ainvoke("Hello")).text, streamed, model.invoke("Hello").text]

    answers = {text for _ in range(3) for text in asyncio.run(ask())}
    assert len(answers) == 1
