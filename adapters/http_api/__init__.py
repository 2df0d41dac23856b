"""The OpenAI-compatible HTTP server, built on AsyncChatGateway.

May not live here: tokens, upstream connections, settings. May import: FastAPI, adapters.wire, ports, domain.
"""
