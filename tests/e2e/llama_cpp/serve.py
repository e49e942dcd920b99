"""Serves a model with llama.cpp until its input ends: ``serve.py MODEL KEY``. Prints the port."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

# Calls are written as Hermes and Qwen do, with every line break said, since templates eat others.
TEMPLATE = r"""
{%- if tools %}{{ '<|im_start|>system\nTools:\n' }}
{%- for tool in tools %}{{ (tool | tojson) + '\n' }}{%- endfor %}{{ '<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}{{ '<|im_start|>' + message.role + '\n' }}
{%- if message.content %}{{ message.content }}{%- endif %}
{%- for call in message.tool_calls or [] %}{{ '<tool_call>\n' }}
{{- {'name': call.function.name, 'arguments': call.function.arguments} | tojson }}
{{- '\n</tool_call>' }}{%- endfor %}{{ '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{%- endif %}
"""


def main() -> None:
    """Serve."""
    library: Any = importlib.import_module("xllamacpp")  # has no type stubs
    params = library.CommonParams()
    params.model.path = sys.argv[1]
    params.model_alias = {"small"}
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.api_keys = [sys.argv[2]]
    params.chat_template = TEMPLATE.strip()
    params.ui, params.endpoint_metrics, params.verbosity = False, True, 1
    params.n_parallel, params.n_ctx = 1, 4096
    params.n_batch = params.n_ubatch = 32
    params.fit_params, params.cache_ram_mib = False, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = library.Server(params)
    print(str(server.listening_address).rsplit(":", 1)[1], flush=True)  # noqa: T201 - for whoever started it
    sys.stdin.read()
    os._exit(0)  # the library's own end waits for its threads


main()
