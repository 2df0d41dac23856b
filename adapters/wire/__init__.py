"""Pure codecs between wire bytes and domain values, one file per format.

May not live here: I/O, clocks, sockets, other adapters. May import: domain.
"""
