"""The model's parameters: their names, where their values come from, and what a call makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Self, cast

from langchain_core.language_models import BaseChatModel
from pydantic import AliasChoices, ConfigDict, Field, SecretStr, model_validator

from adapters.gateway.token_manager import OCAOauth2TokenManager
from adapters.langchain.blocks import register
from adapters.langchain.hiding import fingerprint, without_secrets
from adapters.langchain.limits import Seconds, time_limit
from domain.http import Headers

# Said to us, not to the upstream.
_OURS = (
    "api_key",
    "base_url",
    "default_headers",
    "extra_body",
    "extra_headers",
    "max_retries",
    "model_kwargs",
    "repair_tool_calls",
    "stream",
    "stream_chunk_timeout",
    "stream_usage",
    "system_prompt",
    "timeout",
)
_NONE_IS_A_VALUE = ("stream_chunk_timeout", "system_prompt", "timeout")
# Fields that go to the upstream under their own name.
_SENT = (
    "model",
    "temperature",
    "max_tokens",
    "max_completion_tokens",
    "top_p",
    "stop",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "frequency_penalty",
    "presence_penalty",
    "reasoning_effort",
)
# Names that the same things have in other integrations, or had.
_OTHER_NAMES = {
    "model_name": "model",
    "openai_api_base": "base_url",
    "openai_api_key": "api_key",
    "request_timeout": "timeout",
    "stop_sequences": "stop",
}
_USUAL_RETRIES = 2
_INSTEAD = {
    "http_client": "proxy and certificates are HTTP_PROXY_URL and EXTRA_CA_CERTS in .env",
    "http_async_client": "proxy and certificates are HTTP_PROXY_URL and EXTRA_CA_CERTS in .env",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallParameters:
    """One call's parameters: the model's own, overridden by the call's. `sent` are fields of the request's body."""

    base_url: str
    sent: Mapping[str, Any]
    timeout: timedelta | None
    stream_chunk_timeout: timedelta | None
    max_retries: int
    stream_usage: bool
    system_prompt: str | None
    repair_tool_calls: bool
    headers: Headers


def _alias(field: str) -> AliasChoices:
    return AliasChoices(field, *(name for name, meant in _OTHER_NAMES.items() if meant == field))


class ChatParameters(BaseChatModel):
    """What a chat model of ours is made of. None means: not sent, the upstream decides."""

    model_config = ConfigDict(
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        protected_namespaces=(),
        hide_input_in_errors=True,  # header fields may hold keys
    )

    token_manager: OCAOauth2TokenManager = Field(
        default_factory=OCAOauth2TokenManager.from_env, exclude=True, repr=False
    )
    """Keeps the login; by default that of the `.env` which OCA_ENV_FILE names, or of the working directory's."""
    api_key: SecretStr | None = Field(default=None, exclude=True, repr=False, validation_alias=_alias("api_key"))
    """A key that never changes, for upstreams without OAuth 2.0. Of no use beside a `token_manager`."""
    model: str = Field(default="", min_length=1, validation_alias=_alias("model"))
    """By default LLM_MODEL_NAME."""
    base_url: str = Field(default="", pattern=r"^https?://", validation_alias=_alias("base_url"))
    """The API's root, such as `https://models.example.com/v1`, or the chat operation itself; by default LLM_API_URL."""
    system_prompt: str | None = None
    """Begins every conversation that has no system message of its own. `from_env()` takes LLM_SYSTEM_PROMPT."""

    temperature: float | None = None
    """By default LLM_TEMPERATURE, if that is set."""
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    """What some upstreams want in place of `max_tokens`."""
    top_p: float | None = None
    stop: str | list[str] | None = Field(default=None, validation_alias=_alias("stop"))
    seed: int | None = None
    n: int | None = Field(default=None, ge=1)
    """Answers to one question (`generate`); a stream has room for one and asks for one."""
    logprobs: bool | None = None
    top_logprobs: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    reasoning_effort: str | None = None

    timeout: Seconds = Field(default=None, validation_alias=_alias("timeout"))
    """Seconds that the upstream may be silent; by default LLM_REQUEST_TIMEOUT."""
    stream_chunk_timeout: Seconds = None
    """Seconds from one chunk of a stream to the next; comments that keep the connection alive are no chunks. By
    default as `timeout`."""
    max_retries: int | None = Field(default=_USUAL_RETRIES, ge=0)
    """How often a request is sent again that failed for a passing reason before anything of an answer was seen."""
    stream_usage: bool | None = True
    """Ask for the usage at the end of a stream."""
    # Not False: LangChain takes one that was said for a ban on streams, and a configured model's copy says all fields.
    streaming: bool | None = None
    """Let `invoke` stream behind the scenes, too; False forbids streams."""
    repair_tool_calls: bool = True
    """Make histories whole in which tool calls or their results are missing, as interrupted agents leave them."""
    default_headers: Mapping[str, str] | None = Field(default=None, exclude=True, repr=False)
    """Further header fields of every request."""
    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the request's body, by the names that the upstream has for them."""
    extra_body: Mapping[str, Any] | None = None
    """The same, and stronger than any other parameter."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        members = cast("dict[str, Any]", given)
        cls._refuse_unknown(members)
        # As from `os.environ.get()`: without a value there is the one of `.env`.
        unset = [name for name in ("base_url", "model", *_OTHER_NAMES) if members.get(name, "") is None]
        values = {name: value for name, value in members.items() if name not in unset}
        manager = values.get("token_manager")
        if manager is None:
            manager = _manager_for(values.get("api_key", values.get("openai_api_key")))
        if not isinstance(manager, OCAOauth2TokenManager):
            return values
        settings = manager.settings
        said = settings.model_fields_set
        defaults = {
            "model": settings.llm_model_name,
            "base_url": settings.llm_api_url,
            "temperature": settings.llm_temperature if "llm_temperature" in said else None,
        }
        filled = {name: value for name, value in defaults.items() if value is not None and not cls._has(values, name)}
        keys = {"model": "LLM_MODEL_NAME", "base_url": "LLM_API_URL"}
        missing = [name for name in keys if name not in filled and not cls._has(values, name)]
        if missing:
            raise ValueError(
                " ".join(f"{name} is missing: pass it, or set {keys[name]} in {settings.env_file}." for name in missing)
            )
        return {**values, **filled, "token_manager": manager}

    @model_validator(mode="after")
    def _set_oca_version(self) -> Self:
        register()
        self._add_version("oca-gateway", _version())
        return self

    @classmethod
    def _refuse_unknown(cls, values: Mapping[str, Any]) -> None:
        """A misspelt parameter must not be silence. Raises ValueError."""
        known = cls._names()
        for name in values:
            if name in known:
                continue
            if name in _INSTEAD:
                raise ValueError(f"{name} is no parameter of {cls.__name__}: {_INSTEAD[name]}.")
            near = get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise ValueError(
                f"{name} is no parameter of {cls.__name__}. {hint}Fields that only the upstream knows go into "
                "model_kwargs or extra_body."
            )

    def _refuse_misplaced(self, given: Mapping[str, Any]) -> None:
        """What only a model can have, such as a cache, must not be sent by a call. Raises ValueError."""
        fields = type(self).model_fields
        for name in given:
            # Upstreams, too, have `metadata`.
            if name in _INSTEAD or (name in fields and name not in _SENT and name != "metadata"):
                raise ValueError(f"{name} is no parameter of a call; give it to the {type(self).__name__} itself.")

    @classmethod
    def _names(cls) -> frozenset[str]:
        return frozenset(cls.model_fields) | frozenset(_OTHER_NAMES)

    @classmethod
    def _has(cls, values: Mapping[str, Any], field: str) -> bool:
        return field in values or any(_OTHER_NAMES.get(name) == field for name in values)

    def _call_parameters(self, stop: list[str] | None, overrides: Mapping[str, Any], *, stream: bool) -> CallParameters:
        """The parameters of one call; what is None in the end is not sent."""
        given = {_OTHER_NAMES.get(name, name): value for name, value in overrides.items()}
        ours: dict[str, Any] = {name: given.pop(name) for name in _OURS if name in given}
        # Elsewhere None means: as the model has it.
        for name in [name for name, value in ours.items() if value is None and name not in _NONE_IS_A_VALUE]:
            del ours[name]
        self._refuse_misplaced(given)
        sent: dict[str, Any] = {name: getattr(self, name) for name in _SENT}
        sent.update(self.model_kwargs)
        sent.update(ours.get("model_kwargs", {}))
        sent.update(given)
        if stop is not None:
            sent["stop"] = stop
        if stream:
            # A stream in LangChain has room for one answer; others would be paid for and not seen.
            sent["n"] = None
        sent = {"model": self.model} | {name: value for name, value in sent.items() if value is not None}
        sent.update(self.extra_body or {})
        sent.update(ours.get("extra_body", {}))
        headers: dict[str, Any] = {**(self.default_headers or {}), **ours.get("default_headers", {})}
        headers.update(ours.get("extra_headers", {}))
        retries = ours.get("max_retries", self.max_retries)
        return CallParameters(
            base_url=ours.get("base_url", self.base_url),
            sent=sent,
            timeout=time_limit(ours.get("timeout", self.timeout)),
            stream_chunk_timeout=time_limit(ours.get("stream_chunk_timeout", self.stream_chunk_timeout)),
            max_retries=_USUAL_RETRIES if retries is None else retries,
            stream_usage=ours.get("stream_usage", self.stream_usage) is not False,
            system_prompt=ours.get("system_prompt", self.system_prompt),
            repair_tool_calls=bool(ours.get("repair_tool_calls", self.repair_tool_calls)),
            headers=tuple((name, str(value)) for name, value in headers.items() if value is not None),
        )

    @property
    def lc_secrets(self) -> dict[str, str]:
        return {"api_key": "LLM_API_KEY"}

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """All that shapes an answer; it goes into traces. No secret is in it."""
        names = (*_SENT, "base_url", "system_prompt", "repair_tool_calls", "model_kwargs", "extra_body")
        params = {name: value for name in names if (value := getattr(self, name)) not in (None, {})}
        if self.default_headers:
            params["default_headers"] = fingerprint(self.default_headers)
        return params

    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        # LangChain writes its `stop` over the model's own.
        own = self.stop if stop is None else stop
        return super()._get_invocation_params(stop=cast("list[str] | None", own), **without_secrets(kwargs))

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """The key of LangChain's caches: what is sent, where to, and what else shapes the answer."""
        call = self._call_parameters(stop, kwargs, stream=False)
        headers = fingerprint(dict(call.headers))
        return str(
            (
                self._llm_type,
                call.base_url,
                call.system_prompt,
                call.repair_tool_calls,
                headers,
                sorted(call.sent.items()),
            )
        )


def _manager_for(api_key: Any) -> OCAOauth2TokenManager:
    if isinstance(api_key, SecretStr):
        api_key = api_key.get_secret_value()
    return OCAOauth2TokenManager.from_key(api_key) if isinstance(api_key, str) else OCAOauth2TokenManager.from_env()


def _version() -> str:
    try:
        return version("oca-gateway")
    except PackageNotFoundError:
        # Run from its folder without having been installed.
        return "0"
