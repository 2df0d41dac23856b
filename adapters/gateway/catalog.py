"""The model list: what it is when the upstream gives it, and what it is when it does not."""

import logging

from adapters.wire.openai_models import decode_models
from domain.chat import Model
from domain.errors import OCAError, UpstreamProtocolError
from domain.http import HttpResponse
from domain.words import Text
from ports.gateway import ModelList

# The standard library's logger: programs that only import us must not find our lines on their standard output.
_log = logging.getLogger("oca.models")


def models_in(response: HttpResponse) -> ModelList:
    """The list in an answer of LLM_MODELS_API_URL. Raises UpstreamProtocolError."""
    models = decode_models(response.body)
    if not models:
        raise UpstreamProtocolError(
            Text(
                "The upstream's model list is empty. Check LLM_MODELS_API_URL.",
                "上游的模型列表为空。请检查 LLM_MODELS_API_URL。",
            )
        )
    return ModelList(models=models)


def default_only(default_model: str, error: OCAError | None = None) -> ModelList:
    """The list when the upstream's cannot be had (`error` says why) or is not configured: LLM_MODEL_NAME alone."""
    trouble = Text("", "")
    if error is not None:
        trouble = Text(f"Only the default model is listed: {error.text.en}", f"仅列出默认模型：{error.text.zh}")
    if error is not None:
        _log.warning("model list unavailable: %s", error, extra={"falls_back_to": default_model})
    return ModelList(models=(Model(id=default_model),) if default_model else (), trouble=trouble)
