"""A crowd on one login: many processes, threads and tasks against a strict authorization server, over many expiries.

`python -m tests.stress --help` runs it at length; `test_short_form.py` is what CI runs. docs/stress.md explains both.
"""
