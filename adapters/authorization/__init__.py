"""What a login needs of this machine: a loopback listener, a browser, and a memory of the server beside `.env`.

May not live here: what an answer of the browser or of the server means (domain.authorization, domain.server_metadata),
requests to the server (adapters.transport), the order of the steps (domain.login_flows). May import: ports, domain.
"""
