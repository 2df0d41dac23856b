"""Answers of a given form: the request for them, and their parsing."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, cast

import langchain_core.exceptions
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.runnables import Runnable, RunnableConfig, RunnableGenerator, RunnableMap
from langchain_core.runnables.utils import AddableDict
from typing_extensions import override

from adapters.langchain.tools import is_pydantic_class, json_schema_format, tool_name

if TYPE_CHECKING:
    from adapters.langchain.chat_model import OCAChatModel

_METHODS = ("json_schema", "function_calling", "json_mode")


def structured(
    model: "OCAChatModel",
    schema: Any,
    *,
    method: str,
    include_raw: bool,
    strict: bool | None,
    tools: Any = None,
    **kwargs: Any,
) -> Runnable[Any, Any]:
    """See OCAChatModel.with_structured_output. Raises ValueError."""
    if method not in _METHODS:
        raise ValueError(f"method is {method!r}; it must be one of: {', '.join(_METHODS)}.")
    if schema is None and method != "json_mode":
        raise ValueError(f"schema must be given when method is {method!r}.")
    if strict is not None and method == "json_mode":
        raise ValueError("strict goes with a schema that the upstream sees, which json_mode does not send.")
    if tools and method == "function_calling":
        raise ValueError("tools go with the method json_schema.")
    asked = {"method": method} if strict is None else {"method": method, "strict": strict}
    terms: dict[str, Any] = {"ls_structured_output_format": {"kwargs": asked, "schema": schema}}
    if method == "function_calling":
        name = tool_name(schema)
        terms.update({"tool_choice": name, "parallel_tool_calls": False, **kwargs})
        asking = model.bind_tools([cast("Any", schema)], strict=strict, **terms)
        answers = _Answers(_tool_parser(schema, name))
    else:
        wanted = {"type": "json_object"} if method == "json_mode" else json_schema_format(schema, strict=strict)
        terms.update({"response_format": wanted, **kwargs})
        asking = model.bind_tools(tools, strict=strict, **terms) if tools else model.bind(**terms)
        answers = _Answers(_text_parser(schema), tools_may_be_called=bool(tools))
    if not include_raw:
        return asking | answers
    # Its signature does not tell that it hands the config on to whoever takes one.
    beside: Runnable[Any, Any] = RunnableGenerator(cast("Any", answers.beside_raw), cast("Any", answers.abeside_raw))
    raw: RunnableMap[Any] = RunnableMap(raw=asking)
    return raw | beside


def _tool_parser(schema: Any, name: str) -> Runnable[Any, Any]:
    if is_pydantic_class(schema):
        return PydanticToolsParser(tools=[schema], first_tool_only=True)
    return JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)


def _text_parser(schema: Any) -> Runnable[Any, Any]:
    if is_pydantic_class(schema):
        parser: PydanticOutputParser[Any] = PydanticOutputParser(pydantic_object=schema)
        return parser
    return JsonOutputParser()


class _Answers(Runnable[AIMessage, Any]):
    """Parses an answer, whole or as it streams in, and raises what is wrong with it where a parser is silent.

    A parser that follows a stream takes every end for a beginning: in the end the whole answer is parsed once more.
    """

    def __init__(self, parser: Runnable[Any, Any], *, tools_may_be_called: bool = False) -> None:
        self._parser = parser
        self._tools_may_be_called = tools_may_be_called

    @override
    def invoke(self, input: AIMessage, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return self._parser.invoke(input, config) if self._is_answer(input) else None

    @override
    async def ainvoke(self, input: AIMessage, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return await self._parser.ainvoke(input, config) if self._is_answer(input) else None

    @override
    def transform(
        self, input: Iterator[AIMessage], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        heard: list[AIMessage] = []
        yield from self._parser.transform(_listened(input, heard), config)
        self.invoke(_sum_of(heard), config)

    @override
    async def atransform(
        self, input: AsyncIterator[AIMessage], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        heard: list[AIMessage] = []
        async for parsed in self._parser.atransform(_alistened(input, heard), config):
            yield parsed
        await self.ainvoke(_sum_of(heard), config)

    def beside_raw(self, pieces: Iterator[dict[str, Any]], config: RunnableConfig) -> Iterator[dict[str, Any]]:
        """Passes the raw answer on as it comes, and adds what it was parsed to, or why it was not."""
        heard: list[AIMessage] = []
        for piece in pieces:
            heard.append(piece["raw"])
            yield AddableDict(piece)
        try:
            parsed = self.invoke(_sum_of(heard), config)
        except Exception as error:  # noqa: BLE001 - a schema's validators may raise anything; the caller asked for it
            yield AddableDict(parsed=None, parsing_error=error)
        else:
            yield AddableDict(parsed=parsed, parsing_error=None)

    async def abeside_raw(
        self, pieces: AsyncIterator[dict[str, Any]], config: RunnableConfig
    ) -> AsyncIterator[dict[str, Any]]:
        heard: list[AIMessage] = []
        async for piece in pieces:
            heard.append(piece["raw"])
            yield AddableDict(piece)
        try:
            parsed = await self.ainvoke(_sum_of(heard), config)
        except Exception as error:  # noqa: BLE001 - as above
            yield AddableDict(parsed=None, parsing_error=error)
        else:
            yield AddableDict(parsed=parsed, parsing_error=None)

    def _is_answer(self, message: AIMessage) -> bool:
        """False: the model calls a tool first. Raises ModelRefusalError, OutputParserException."""
        reason = message.response_metadata.get("finish_reason")
        if refusal := message.additional_kwargs.get("refusal"):
            raise _refused(f"The model declined to answer: {refusal}", message)
        if reason == "content_filter":
            raise _refused("The upstream's content filter stopped the answer.", message)
        if reason == "length":
            raise OutputParserException(
                "The answer broke off at the limit of tokens. Allow it more of them (max_tokens).",
                llm_output=message.text,
            )
        if message.invalid_tool_calls and not message.tool_calls:
            broken = message.invalid_tool_calls[0]
            raise OutputParserException(
                f"The model called {broken['name']} with arguments that are no JSON object.", llm_output=broken["args"]
            )
        return not (self._tools_may_be_called and message.tool_calls)


def _listened(messages: Iterator[AIMessage], heard: list[AIMessage]) -> Iterator[AIMessage]:
    """All but words of refusal, of which a parser would make complaints of its own."""
    for message in messages:
        heard.append(message)
        if not message.additional_kwargs.get("refusal"):
            yield message


async def _alistened(messages: AsyncIterator[AIMessage], heard: list[AIMessage]) -> AsyncIterator[AIMessage]:
    async for message in messages:
        heard.append(message)
        if not message.additional_kwargs.get("refusal"):
            yield message


def _sum_of(heard: list[AIMessage]) -> AIMessage:
    first, *more = heard
    return first + cast("list[AIMessageChunk]", more) if more and isinstance(first, AIMessageChunk) else first


def _refused(words: str, message: AIMessage) -> Exception:
    kind = getattr(langchain_core.exceptions, "ModelRefusalError", None)  # since langchain-core 1.7.5
    return OutputParserException(words, llm_output=words) if kind is None else kind(words, raw_message=message)
