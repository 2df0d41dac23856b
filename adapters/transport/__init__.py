"""HTTP clients behind ports.transport, one file per library.

May not live here: retries and choice of route (domain.flows), knowledge of OAuth or chats. May import: ports, domain.
"""
