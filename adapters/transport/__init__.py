"""HTTP clients behind ports.transport, one file per library; `per_loop.py` serves any number of event loops.

May not live here: retries and choice of route (domain.retrying, domain.routes), knowledge of OAuth or chats. May
import: ports, domain.
"""
