"""The composition root: settings, logging, and the container that wires adapters to ports.

May not live here: behaviour. May import: everything but entrypoints. Only `settings.py` reads the environment.
"""
