"""LangChain's face of the gateway, and the names that people import into their own programs.

May not live here: authentication, HTTP. May import: langchain-core, adapters.wire, adapters.gateway, ports, domain.
"""

from adapters.gateway.token_manager import OCAOauth2TokenManager

__all__ = ["OCAOauth2TokenManager"]
