"""One llama.cpp server for a team, until its input ends. Prints its port.

``team_serve.py MODEL KEY SLOTS CONTEXT THREADS CACHE_MIB [PORT]``: CONTEXT tokens a slot, CACHE_MIB
of memory for the prompts of those who have no slot just now. The options are those of
``deploy/llama-cpp``.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

BATCH = 64
"""Tokens of prompts that are read at once. While they are, nobody else's text comes."""


def main() -> None:
    """Serve."""
    model, key, *numbers = sys.argv[1:]
    slots, context, threads, cache, port = [*map(int, numbers), 0][:5]
    library: Any = importlib.import_module("xllamacpp")  # has no type stubs
    params = library.CommonParams()
    params.model.path = model
    params.model_alias = {"team-coder"}
    params.hostnames, params.port = ["127.0.0.1"], port
    params.api_keys = [key]
    params.ui, params.endpoint_metrics, params.verbosity = False, True, 1
    params.n_parallel, params.n_ctx, params.cont_batching = slots, slots * context, True
    params.n_batch = params.n_ubatch = BATCH
    params.fit_params, params.cache_ram_mib = False, cache
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = library.Server(params)
    print(str(server.listening_address).rsplit(":", 1)[1], flush=True)
    sys.stdin.read()
    os._exit(0)  # the library's own end waits for its threads


main()
