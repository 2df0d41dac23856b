"""LangChain's face of the gateway.

May not live here: authentication, HTTP. May import: langchain-core, adapters.wire, adapters.gateway, ports, domain.
"""
