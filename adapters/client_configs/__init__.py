"""What each client needs to speak to this gateway, one file per family of clients, and how its file is edited.

All of it is pure: text in, text out; where a client keeps its file is told, and nobody looks. An edit changes its own
keys and leaves the rest as it is written, or is refused. May not live here: files, the environment, settings. May
import: ports, domain, tomlkit, ruamel.yaml.
"""
