"""Where the chat page's conversations are stored, one file per technology.

May not live here: what a conversation is (domain.conversation), how the page shows it. May import: ports, domain,
adapters.wire.
"""
