"""Where the events of a login are told, one file per place.

May not live here: tokens (an event holds none). May import: structlog, filelock, ports, domain.
"""
