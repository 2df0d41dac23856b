"""OCAChatModel: the model behind an OAuth 2.0 login as a LangChain chat model."""

import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, Self, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LangSmithParams, LanguageModelInput, ModelProfile
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from typing_extensions import override

from adapters.gateway.token_manager import OCAOauth2TokenManager
from adapters.langchain.answers import ChunkMaker, chat_result
from adapters.langchain.errors import translated
from adapters.langchain.parameters import CallParameters, ChatParameters
from adapters.langchain.profiles import profile_of
from adapters.langchain.questions import question_of, terms_of
from adapters.langchain.structured_output import structured
from adapters.langchain.token_counting import estimated_tokens
from adapters.langchain.tools import ToolChoice, json_schema_format, openai_tool_choice, openai_tools
from domain.chat import ChatRequest
from ports.gateway import ChatTerms, ModelList


class OCAChatModel(ChatParameters):
    """A chat model behind an OAuth 2.0 login, for LangChain.

        model = OCAChatModel.from_env()                       # everything from .env
        model = OCAChatModel(token_manager=OCAOauth2TokenManager("work.env"), model="some-model", temperature=0)
        for chunk in model.stream("Hello!"):
            print(chunk.text, end="")

    One object serves any number of threads and event loops: it holds no state of a request. Constructing it sends
    nothing. The parameters are told in `ChatParameters`; each may be given per call as well.

    Raises `langchain_core.exceptions`: ModelAuthenticationError, ModelRateLimitError, ContextOverflowError and their
    kin; ConfigurationError for settings that are missing or wrong.
    """

    @classmethod
    def from_env(cls, token_manager: OCAOauth2TokenManager | None = None, **parameters: Any) -> Self:
        """The model of a `.env`: the one of `token_manager`, else OCA_ENV_FILE, else that of the working directory.

        `parameters` override it. Begins to fetch the model list in the background. Raises ConfigurationError.
        """
        manager = token_manager or OCAOauth2TokenManager.from_env()
        settings = manager.settings
        if "llm_system_prompt" in settings.model_fields_set:
            parameters = {"system_prompt": settings.llm_system_prompt, **parameters}
        model = cls(token_manager=manager, **parameters)
        model._learn_profile_later()
        manager.catalog.start()
        return model

    @property
    def available_models(self) -> list[str]:
        """The ids of the upstream's models, waited for at most CONNECTION_TIMEOUT; without a list this one's alone."""
        return self._ids(self.token_manager.catalog.look())

    def refresh_models(self) -> list[str]:
        """The ids of the upstream's models, asked for anew. Never fails: without an answer it is this model's alone."""
        return self._ids(self.token_manager.catalog.refresh())

    @property
    def model_name(self) -> str:
        return self.model

    @property
    def _llm_type(self) -> str:
        return "oca-chat"

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        call, question, terms = self._asked(messages, stop, kwargs, stream=False)
        with translated():
            response = self.token_manager.chat(call.base_url).complete(question, terms)
        return chat_result(response, model=question.model)

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        call, question, terms = self._asked(messages, stop, kwargs, stream=False)
        with translated():
            response = await self.token_manager.async_chat(call.base_url).complete(question, terms)
        return chat_result(response, model=question.model)

    @override
    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        call, question, terms = self._asked(messages, stop, kwargs, stream=True)
        maker = ChunkMaker(model=question.model)
        with translated(), self.token_manager.chat(call.base_url).stream(question, terms) as events:
            for event in events:
                chunk = maker.take(event)
                if chunk is not None:
                    yield chunk
            yield maker.last()

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        call, question, terms = self._asked(messages, stop, kwargs, stream=True)
        maker = ChunkMaker(model=question.model)
        with translated():
            async with self.token_manager.async_chat(call.base_url).stream(question, terms) as events:
                async for event in events:
                    chunk = maker.take(event)
                    if chunk is not None:
                        yield chunk
                yield maker.last()

    def _asked(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, kwargs: Mapping[str, Any], *, stream: bool
    ) -> tuple[CallParameters, ChatRequest, ChatTerms]:
        call = self._call_parameters(stop, kwargs, stream=stream)
        return call, question_of(messages, call), terms_of(call)

    @override
    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: ToolChoice | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Any = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The model with tools: pydantic classes, functions, LangChain tools, dicts of OpenAI's or Anthropic's form.

        `tool_choice`: a tool's name, `"any"`, `"required"` or True (some call), `"auto"`, `"none"`, or OpenAI's object.
        `strict` holds the model to the schemas (Structured Outputs); `response_format` is a schema for its answer.
        Raises ValueError for a choice that is not among the tools.
        """
        wire = openai_tools(cast("Any", tools), strict=strict)
        bound: dict[str, Any] = {"tools": wire} if wire else {}
        if (choice := openai_tool_choice(tool_choice, wire)) is not None:
            bound["tool_choice"] = choice
        if parallel_tool_calls is not None:
            bound["parallel_tool_calls"] = parallel_tool_calls
        if response_format is not None:
            bound["response_format"] = json_schema_format(response_format, strict=strict)
        return self.bind(**bound, **kwargs)

    @override
    def with_structured_output(
        self,
        schema: Any = None,
        *,
        method: Literal["json_schema", "function_calling", "json_mode"] = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """The model, its answers parsed as `schema`: a pydantic class, a TypedDict, or a JSON schema with a title.

        `json_schema` asks the upstream to adhere to the schema, `function_calling` has it call a tool of that form,
        `json_mode` asks for JSON alone (say in the prompt what it should hold; `schema` may be None). With
        `include_raw` the result is `{"raw", "parsed", "parsing_error"}`. A refusal raises ModelRefusalError where
        langchain-core has it. Further arguments are bound to the model; `tools` may be among them.
        """
        return structured(self, schema, method=method, include_raw=include_raw, strict=strict, **kwargs)

    @override
    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        def of(name: str) -> Any:
            return kwargs.get(name, getattr(self, name))

        name = kwargs.get("model") or kwargs.get("model_name") or self.model
        params = LangSmithParams(ls_provider="oca", ls_model_name=str(name), ls_model_type="chat")
        if (temperature := of("temperature")) is not None:
            params["ls_temperature"] = temperature
        if (max_tokens := of("max_tokens")) is not None:
            params["ls_max_tokens"] = max_tokens
        stops = stop or of("stop")
        if stops:
            params["ls_stop"] = [stops] if isinstance(stops, str) else list(stops)
        return params

    @override
    def get_num_tokens(self, text: str) -> int:
        """An estimate of a text's tokens, made offline; exact with `custom_get_token_ids`."""
        return super().get_num_tokens(text) if self.custom_get_token_ids is not None else estimated_tokens(text)

    @override
    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """An estimate of a conversation's tokens, made offline; exact texts with `custom_get_token_ids`."""
        if self.custom_get_token_ids is not None:
            return super().get_num_tokens_from_messages(messages, tools)
        wide = sum(self.get_num_tokens(message.text) - len(message.text) // 4 for message in messages)
        return count_tokens_approximately(messages, tools=list(tools) if tools else None) + max(wide, 0)

    @override
    def _resolve_model_profile(self) -> ModelProfile | None:
        known = self.token_manager.catalog.known
        return None if known is None else profile_of(known.models, self.model)

    def _ids(self, found: ModelList | None) -> list[str]:
        if found is None or found.trouble or not found.models:
            return [self.model]
        self._learn_profile(found)
        return [model.id for model in found.models]

    def _learn_profile(self, found: ModelList) -> None:
        if self.profile is None:
            self.profile = profile_of(found.models, self.model)

    def _learn_profile_later(self) -> None:
        waiting = weakref.ref(self)

        def tell(found: ModelList) -> None:
            model = waiting()
            if model is not None:
                model._learn_profile(found)  # noqa: SLF001 - itself

        self.token_manager.catalog.when_it_comes(tell)
