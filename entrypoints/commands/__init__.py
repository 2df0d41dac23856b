"""The commands of `oca`, a few to a file: what each takes, and the call that does it.

May not live here: what a command does. Heavy imports wait inside the commands, so that `oca --help` answers at once.
Each file offers `register(app)`, which `entrypoints.cli` calls.
"""
