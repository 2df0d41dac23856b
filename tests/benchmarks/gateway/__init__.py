"""What the relay costs beside a plain reverse proxy: `python -m tests.benchmarks.gateway`.

`upstream.py` is a model's server that is no bottleneck, `contestants.py` starts the gateway, nginx and, where it is
installed, LiteLLM before it, `load.py` sends requests, `processes.py` reads what they cost, `measures.py` puts these
together, and `__main__.py` runs them in turns and prints the ratios.
"""
