"""Asyncio HTTP/1.1 over httptools, the parser that uvicorn uses: the cheap road for what is asked all day.

`transport.py` is the port; `destinations.py` and `requests_bytes.py` make the bytes of a request, `dialling.py` and
`tunnels.py` a connection, `arrivals.py`, `connection.py`, `answers.py` and `followed.py` an answer, and `pool.py` keeps
what is idle.

What it does not do is left to `httpx.py`, which stands behind the same port: HTTP/2, and whatever else needs more than
one exchange at a time on a connection. What was not asked for is refused as an answer that is not valid HTTP: an
upgrade to another protocol, a transfer coding other than chunked, a body framed in two ways, a head without measure.
No content coding is asked for; those that come all the same are undone where `content_coding.py` knows them, and else
stay declared.
"""
