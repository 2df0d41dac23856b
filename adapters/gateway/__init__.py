"""The drivers, which run flows against ports, and the faces built on them.

May not live here: decisions (domain.flows), wire formats. May import: adapters.wire, ports, domain.
"""
