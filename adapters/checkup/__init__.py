"""Probes of `oca doctor`: looks at files, names, sockets, TLS and servers, each of which ends in a check or a value.

May not live here: what follows from what (domain.checkup), wire formats. Transports, TLS contexts and tokens are handed
in. May import: adapters.wire, python-dotenv, urllib3 (TLS within TLS), ports, domain.
"""
