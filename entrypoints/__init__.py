"""Things one runs: the server, the chat page, the command line. A screenful each.

May not live here: behaviour that something else could want. May import: everything. No file here bears the name of a
room, a library or a standard module, since Streamlit puts this folder first on the path.
"""
