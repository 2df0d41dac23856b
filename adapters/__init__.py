"""The world as the core sees it: a folder is a port or a face, a file is a technology.

May not live here: decisions about tokens or requests (domain). May import: ports, domain, one foreign library a file,
and `adapters.wire`; adapters do not import each other, but for `adapters.langchain`, which stands on the gateway.
"""
