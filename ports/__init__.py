"""What the core needs of the world and what it offers: Protocols over the domain's nouns.

Lives here: one Protocol file for each need or offer. May not live here: anything that does something. May import:
domain.
"""
