"""What the model's server means when it refuses a request."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from adapters.wire.openai_errors import reshape_upstream_error
from adapters.wire.upstream_words import showable
from domain.checkup import Blame, Check, failed
from domain.checkup_exchanges import Asked, request_id_of, unexpected
from domain.http import HttpResponse
from domain.model_names import means_unknown_model, nearest_names
from domain.words import Text

UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 401, 403, 404
TOKEN_REJECTED = "token_rejected"  # noqa: S105 - the name of a fault


def refusal_of_us(asked: Asked, response: HttpResponse) -> Check | None:
    """The check for an answer that does not accept who we are; None for any other."""
    words = said(response)
    if response.status == UNAUTHORIZED:
        return failed(
            asked.name,
            Text(
                f"the upstream rejects the access token, a fresh one too (401): {words}",
                f"上游拒绝了访问令牌，新签发的也不接受（401）：{words}",
            ),
            mend=Text(
                "The login is good and not accepted there: check that OAUTH_HOST, OAUTH_CLIENT_ID, OAUTH_SCOPE and "
                "LLM_API_URL belong together (or LLM_API_KEY, where it is used).",
                "登录有效，但上游不接受：请检查 OAUTH_HOST、OAUTH_CLIENT_ID、OAUTH_SCOPE 与 LLM_API_URL 是否匹配"
                "（若使用 LLM_API_KEY，请检查该项）。",
            ),
            fault=TOKEN_REJECTED,
            blame=Blame.UPSTREAM,
            details={"status": UNAUTHORIZED, **request_id_of(response.headers)},
        )
    if response.status == FORBIDDEN and _is_json(response.body):
        return failed(
            asked.name,
            Text(f"the account has no right to this (403): {words}", f"该账号无权访问（403）：{words}"),
            mend=Text(
                "Ask who runs the model's server for access; check LLM_MODEL_NAME and OAUTH_SCOPE.",
                "请向模型服务的管理员申请权限；并检查 LLM_MODEL_NAME 和 OAUTH_SCOPE。",
            ),
            fault="forbidden",
            blame=Blame.UPSTREAM,
            details={"status": FORBIDDEN, **request_id_of(response.headers)},
        )
    return None


def refusal_of_question(
    asked: Asked, response: HttpResponse, *, model: str, known: Sequence[str], chat_url: str
) -> Check:
    """The check for a question that got no answer. `known` are the names in the model list, as far as there is one."""
    refused = refusal_of_us(asked, response)
    if refused is not None:
        return refused
    unlisted = response.status == NOT_FOUND and bool(known) and model not in known and _is_json(response.body)
    if means_unknown_model(response.status, response.body) or unlisted:
        return _unknown_model(asked, response, model, known)
    found = unexpected(asked, response, said=said(response))
    if found.fault != "not_found":
        return found
    return replace(
        found,
        mend=Text(
            f"LLM_API_URL leads to {chat_url}: it must be the address of chat completions, or the API's root (.../v1).",
            f"由 LLM_API_URL 得出的地址是 {chat_url}：它应为 chat completions 的地址，或 API 的根地址（.../v1）。",
        ),
    )


def said(response: HttpResponse) -> str:
    """The server's explanation on one line."""
    shaped = reshape_upstream_error(response.status, response.header("Content-Type"), response.body)
    error = cast("dict[str, Any]", cast("dict[str, Any]", json.loads(shaped)).get("error") or {})
    return showable(str(error.get("message") or ""), max_chars=300)


def _unknown_model(asked: Asked, response: HttpResponse, model: str, known: Sequence[str]) -> Check:
    near = nearest_names(model, known)
    names = ", ".join(near or tuple(known)[:5])
    mend = Text(
        "Check LLM_MODEL_NAME: oca config set LLM_MODEL_NAME=VALUE",
        "请检查 LLM_MODEL_NAME：oca config set LLM_MODEL_NAME=VALUE",
    )
    if near:
        mend = Text(f"Did you mean {names}? ", f"您要的是不是 {names}？") + mend
    elif names:
        mend = Text(f"There are, for example: {names}. ", f"现有的模型例如：{names}。") + mend
    return failed(
        asked.name,
        Text(f"the upstream does not know the model {model}", f"上游没有模型 {model}"),
        mend=mend,
        fault="unknown_model",
        blame=Blame.CONFIGURATION,
        details={"status": response.status, "nearest": ", ".join(near) or None},
    )


def _is_json(body: bytes) -> bool:
    return body.lstrip()[:1] in (b"{", b"[")
