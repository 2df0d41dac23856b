"""Where a login is stored, one file per technology.

May not live here: rules of the token lifecycle (domain.flows). May import: ports, domain.
"""
