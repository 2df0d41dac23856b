"""The fast path: a relayed request that needs nothing unusual is answered below ASGI, without a task.

`protocol.py` is uvicorn's protocol, which offers each request to the fast path first; `admission.py` says which it
takes, and asks the upstream; `passage.py` is one request under way, driven by the event loop's callbacks alone.
`joining.py` saves writes on the other road.

Whatever is unusual goes the road that every request could go, `relay.py` over ASGI: what does not look plain, what has
to wait (for a token, a route, a connection), and, until a byte has been handed out, every answer that is not plainly
good. So there is nothing that only the fast path can do, and `OCA_FAST_PATH=off` does without it.
"""
