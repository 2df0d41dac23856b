"""Answers of a given form: the request for them, and their parsing."""

from collections.abc import AsyncIterator, Iterator
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import langchain_core.exceptions
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.output_parsers import BaseOutputParser, JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda, RunnableMap, RunnablePassthrough

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
    asked = {"method": method} if strict is None else {"method": method, "strict": strict}
    kwargs["ls_structured_output_format"] = {"kwargs": asked, "schema": schema}
    if method == "function_calling":
        if tools:
            raise ValueError("tools go with the method json_schema.")
        bound = model.bind_tools(
            [schema], tool_choice=tool_name(schema), parallel_tool_calls=False, strict=strict, **kwargs
        )
        parser = _tool_parser(schema)
    else:
        wanted = {"type": "json_object"} if method == "json_mode" else json_schema_format(schema, strict=strict)
        bound = (
            model.bind_tools(tools, strict=strict, response_format=wanted, **kwargs)
            if tools
            else model.bind(response_format=wanted, **kwargs)
        )
        parser = _text_parser(schema)
        if tools:
            parser = _unless_tools_are_called(parser)
    checked = RunnableGenerator(_checked, _achecked) | parser
    if not include_raw:
        return bound | checked
    with_parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | checked, parsing_error=lambda _: None)
    without = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=bound) | with_parsed.with_fallbacks([without], exception_key="parsing_error")


def _tool_parser(schema: Any) -> Runnable[Any, Any]:
    if is_pydantic_class(schema):
        return PydanticToolsParser(tools=[schema], first_tool_only=True)
    return JsonOutputKeyToolsParser(key_name=tool_name(schema), first_tool_only=True)


def _text_parser(schema: Any) -> BaseOutputParser[Any]:
    if is_pydantic_class(schema):
        parser: BaseOutputParser[Any] = PydanticOutputParser(pydantic_object=schema)
        return parser
    return JsonOutputParser()


def _unless_tools_are_called(parser: Runnable[Any, Any]) -> Runnable[Any, Any]:
    def parse(message: AIMessage) -> Any:
        return None if message.tool_calls else parser.invoke(message)

    return RunnableLambda(parse)


def _checked(messages: Iterator[BaseMessage]) -> Iterator[BaseMessage]:
    watch = _RefusalWatch()
    for message in messages:
        if not watch.sees(message):
            yield message
    watch.close()


async def _achecked(messages: AsyncIterator[BaseMessage]) -> AsyncIterator[BaseMessage]:
    watch = _RefusalWatch()
    async for message in messages:
        if not watch.sees(message):
            yield message
    watch.close()


class _RefusalWatch:
    """Gathers a refusal, whole or from chunks, and raises it at the end in place of a parser's complaint."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._last: BaseMessage | None = None

    def sees(self, message: BaseMessage) -> bool:
        words = message.additional_kwargs.get("refusal")
        if not words:
            if message.response_metadata.get("finish_reason") == "content_filter":
                raise _refused("The upstream's content filter stopped the answer.", message)
            return False
        self._words.append(str(words))
        self._last = message
        return True

    def close(self) -> None:
        if self._last is not None:
            raise _refused(f"The model declined to answer: {''.join(self._words)}", self._last)


def _refused(words: str, message: BaseMessage) -> Exception:
    kind = getattr(langchain_core.exceptions, "ModelRefusalError", None)  # since langchain-core 1.7.5
    return OutputParserException(words, llm_output=words) if kind is None else kind(words, raw_message=message)
