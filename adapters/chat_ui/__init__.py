"""The Streamlit chat page, built on ChatGateway.

May not live here: tokens, HTTP, wire formats. May import: Streamlit, ports, domain.
"""
