"""Tools of every make, and the choice among them, as the wire has them."""

import json
from types import MappingProxyType
from typing import Any

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_openai import ChatOpenAI
from openai import pydantic_function_tool
from pydantic import BaseModel

from adapters.langchain.tools import domain_tools, openai_tool_choice, openai_tools, tool_name
from adapters.wire.openai_chat import OpenAIChatCodec
from domain.chat import ChatRequest, OtherTool
from domain.chat import Tool as DomainTool
from tests.adapters.langchain.offered import (
    CLOSED,
    FUNCTION,
    NATIVE,
    PARAMETERS,
    TOOLS,
    Add,
    Forest,
    Tree,
    Wire,
    add_tool,
)


def on_wire(*tools: Any, strict: bool | None = None) -> list[Wire]:
    request = ChatRequest(model="m", messages=(), tools=domain_tools(openai_tools(tools, strict=strict)))
    sent: list[Wire] = json.loads(OpenAIChatCodec().encode_request(request, stream=False))["tools"]
    return sent


@pytest.mark.parametrize("given", TOOLS.values(), ids=TOOLS.keys())
def test_a_tool_of_any_make_is_sent_as_langchain_turns_it_into_openais(given: Any) -> None:
    before = repr(given)
    assert on_wire(given) == [convert_to_openai_tool(given)]
    assert isinstance(domain_tools(openai_tools([given]))[0], DomainTool)
    assert repr(given) == before


@pytest.mark.parametrize("given", NATIVE, ids=lambda given: given["type"])
def test_the_upstreams_own_tools_go_to_it_as_they_are(given: Wire) -> None:
    assert on_wire(given, strict=True) == [given]
    assert isinstance(domain_tools(openai_tools([given]))[0], OtherTool)


def test_a_function_that_says_more_than_the_domain_knows_keeps_it() -> None:
    more = {"type": "function", "function": {**FUNCTION["function"], "x": 1}}
    marked = {**FUNCTION, "cache_control": {"type": "ephemeral"}}
    assert on_wire(more, marked) == [more, marked]


def test_a_tool_without_parameters_and_one_in_a_mapping_are_sent_whole() -> None:
    nothing: Wire = {"type": "object", "properties": {}}
    assert on_wire({"name": "now"}) == [{"type": "function", "function": {"name": "now", "parameters": nothing}}]
    assert on_wire(MappingProxyType(FUNCTION)) == [FUNCTION]
    assert on_wire({"name": "now"}, strict=True)[0]["function"]["parameters"] == {
        **nothing,
        "additionalProperties": False,
        "required": [],
    }


@pytest.mark.parametrize("given", TOOLS.values(), ids=TOOLS.keys())
def test_a_strict_tool_says_so_and_is_closed(given: Any) -> None:
    (sent,) = on_wire(given, strict=True)
    function = sent["function"]
    assert function["strict"] is True
    assert function["parameters"]["additionalProperties"] is False
    assert function["parameters"]["required"] == list(function["parameters"]["properties"])
    assert on_wire(sent, strict=True) == [sent]
    assert on_wire(given, strict=False)[0]["function"] == {**on_wire(given)[0]["function"], "strict": False}


def test_what_a_tool_says_of_strictness_itself_holds() -> None:
    loose = {"type": "function", "function": {**FUNCTION["function"], "strict": False}}
    adhered = {"type": "function", "function": {**FUNCTION["function"], "strict": True, "parameters": CLOSED}}
    assert on_wire(loose, strict=True) == [loose]
    assert on_wire(adhered, strict=False) == [adhered]
    assert on_wire(adhered) == [adhered]


@pytest.mark.parametrize("kind", [Add, Tree, Forest])
def test_a_strict_class_is_the_tool_that_openais_client_makes_of_it(kind: type[BaseModel]) -> None:
    assert openai_tools([kind], strict=True) == [pydantic_function_tool(kind)]


@pytest.mark.parametrize("given", [{"properties": {}}, {"type": "object"}, 5])
def test_what_is_no_tool_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match="Unsupported function"):
        openai_tools([given])


OFFERED = openai_tools([Add, add_tool, *NATIVE, {"type": "custom", "custom": {"name": "shell"}}])
CALL_ADD: Wire = {"type": "function", "function": {"name": "Add"}}
ALLOWED: Wire = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [CALL_ADD]}}
CHOICES: dict[str, tuple[Any, Any]] = {
    "none": (None, None),
    "False": (False, None),
    "nothing": ("", None),
    "True": (True, "required"),
    "any": ("any", "required"),
    "required": ("required", "required"),
    "auto": ("auto", "auto"),
    "no call": ("none", "none"),
    "a name": ("Add", CALL_ADD),
    "OpenAI's": (CALL_ADD, CALL_ADD),
    "the Responses API's": ({"type": "function", "name": "Add"}, CALL_ADD),
    "Anthropic's": ({"type": "tool", "name": "Add"}, CALL_ADD),
    "Anthropic's any": ({"type": "any"}, "required"),
    "Anthropic's auto": ({"type": "auto"}, "auto"),
    "a name in a dict": ({"name": "Add"}, CALL_ADD),
    "the upstream's own tool": ("retrieval", {"type": "retrieval"}),
    "the upstream's own tool in a dict": ({"type": "web_search"}, {"type": "web_search"}),
    "the upstream's own function": ("$web_search", {"type": "function", "function": {"name": "$web_search"}}),
    "a custom tool": ("shell", {"type": "custom", "custom": {"name": "shell"}}),
    "some tools": (ALLOWED, ALLOWED),
}


@pytest.mark.parametrize(("choice", "sent"), CHOICES.values(), ids=CHOICES.keys())
def test_a_choice_is_sent_as_openai_has_it(choice: Any, sent: Any) -> None:
    assert openai_tool_choice(choice, OFFERED) == sent
    # What a model was bound with is read again at its call.
    assert openai_tool_choice(sent, OFFERED) == sent


@pytest.mark.parametrize("choice", ["Add", "any", "auto", "required", "none", True, CALL_ADD])
def test_a_choice_is_the_one_that_langchains_openai_model_sends(choice: Any) -> None:
    theirs: Any = ChatOpenAI(model="m", api_key="k").bind_tools([Add, add_tool], tool_choice=choice)  # type: ignore[arg-type]
    assert openai_tool_choice(choice, OFFERED) == theirs.kwargs["tool_choice"]


@pytest.mark.parametrize("choice", ["Sub", {"type": "function", "function": {"name": "Sub"}}, {"name": "Sub"}])
def test_a_choice_that_is_not_on_offer_is_refused_with_what_is(choice: Any) -> None:
    with pytest.raises(ValueError, match=r"'Sub', which is not among the tools: Add, add_tool, web_search"):
        openai_tool_choice(choice, OFFERED)
    with pytest.raises(ValueError, match="there are none"):
        openai_tool_choice(choice, ())


def test_a_tools_name_goes_before_a_mode_of_the_same_name() -> None:
    tools = openai_tools([{"name": "auto", "parameters": PARAMETERS}])
    assert openai_tool_choice("auto", tools) == {"type": "function", "function": {"name": "auto"}}


@pytest.mark.parametrize("schema", TOOLS.values(), ids=TOOLS.keys())
def test_a_schema_goes_as_a_tool_under_its_name(schema: Any) -> None:
    assert tool_name(schema) == on_wire(schema)[0]["function"]["name"]
