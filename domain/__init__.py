"""What is true: values, rules and use cases of the token lifecycle and of a chat.

Lives here: immutable values, pure functions, errors, and use cases written as flows (generators that yield effects).
May not live here: I/O, clocks, threads, frameworks. May import: the standard library's pure parts, nothing else.
"""
