"""LangChain's face of the gateway, and the names that people import into their own programs.

May not live here: authentication, HTTP. May import: langchain-core, adapters.wire, adapters.gateway, ports, domain.
The chat model is imported when it is asked for: programs that only want a token do without LangChain.
"""

from typing import TYPE_CHECKING, Any

from adapters.gateway.token_manager import OCAOauth2TokenManager

if TYPE_CHECKING:
    from adapters.langchain.chat_model import OCAChatModel

__all__ = ["OCAChatModel", "OCAOauth2TokenManager"]


def __getattr__(name: str) -> Any:
    if name != "OCAChatModel":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from adapters.langchain.chat_model import OCAChatModel  # noqa: PLC0415 - see above

    globals()[name] = OCAChatModel
    return OCAChatModel
