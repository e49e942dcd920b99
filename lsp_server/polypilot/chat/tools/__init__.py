"""The tools that a model may call, and what they are allowed to.

Those that only read are in `reading`, `listing`, `searching` and `knowing`; `proposing` has the
one that asks for an edit; `mcp*` are the servers of the user's own configuration. `registry` puts
them together. Everything that leaves passes the gate, and everything that is not reading asks.
"""
