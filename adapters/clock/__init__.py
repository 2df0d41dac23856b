"""The clock.

May not live here: anything else. May import: ports, domain.
"""
