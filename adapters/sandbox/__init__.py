"""A strict OAuth 2.0 authorization server and an OpenAI-style upstream on loopback.

May not live here: anything that the gateway itself needs. May import: Starlette, uvicorn, ports, domain.
"""
