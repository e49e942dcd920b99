"""A backend on real parts, with suppliers on this machine."""

from __future__ import annotations

import json
import struct
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from polypilot import paths
from polypilot.backend import Backend

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

ROW = """
[providers.{name}]
wire = "openai-chat"
completion = "openai-completions"
base_url = "{url}/v1"
auth = "none"
"""


@pytest.fixture
def configure() -> Callable[..., Path]:
    """Writes config.toml: rows by name and address, the first of them chosen; then ``more``."""

    def write(more: str = "", **rows: str) -> Path:
        file = paths.config_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        chosen = next(iter(rows), "embedded")
        choice = f'provider = "{chosen}"\nmodel = "coder"\n'
        # Nothing is asked ahead, so that requests can be counted.
        text = f'[completion]\n{choice}prefetch = "off"\n[chat]\n{choice}'
        text += "".join(ROW.format(name=name, url=url) for name, url in rows.items())
        file.write_text(text + more, "utf-8")
        return file

    return write


@pytest.fixture
async def backends() -> AsyncGenerator[Callable[..., Backend]]:
    """Opens backends whose start is over; they are closed afterwards."""
    made: list[Backend] = []

    def open_(**options: object) -> Backend:
        options.setdefault("env", {})
        backend = Backend.open(**options)  # pyright: ignore[reportArgumentType] - fields of several types
        backend.board.settle()
        made.append(backend)
        return backend

    yield open_
    for backend in made:
        await backend.aclose()


@pytest.fixture
def say() -> Callable[..., list[bytes]]:
    """The pieces of a chat answer, as an OpenAI-compatible server sends them."""

    def pieces(*texts: str) -> list[bytes]:
        choices: list[object] = [{"index": 0, "delta": {"content": text}} for text in texts]
        choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
        lines = [f"data: {json.dumps({'id': 'c', 'choices': [each]})}\n\n" for each in choices]
        return [line.encode() for line in (*lines, "data: [DONE]\n\n")]

    return pieces


@pytest.fixture
def plain_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A keyring that keeps keys as plain text in a file; the environment that chooses it."""
    store = tmp_path / "plain-keys.json"
    (tmp_path / "plain_keyring.py").write_text(
        textwrap.dedent(f"""
            import json, pathlib
            from keyring.backend import KeyringBackend

            FILE = pathlib.Path({str(store)!r})

            class Keyring(KeyringBackend):
                priority = 1

                def _read(self):
                    return json.loads(FILE.read_text("utf-8")) if FILE.exists() else {{}}

                def get_password(self, service, username):
                    return self._read().get(service + " " + username)

                def set_password(self, service, username, password):
                    kept = self._read() | {{service + " " + username: password}}
                    FILE.write_text(json.dumps(kept), "utf-8")

                def delete_password(self, service, username):
                    kept = self._read()
                    del kept[service + " " + username]
                    FILE.write_text(json.dumps(kept), "utf-8")
        """),
        "utf-8",
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "plain_keyring", raising=False)
    return {"PYTHON_KEYRING_BACKEND": "plain_keyring.Keyring"}


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    """A GGUF file of the user's own: a header that names its architecture, and no tensors."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    pair = text("general.architecture") + struct.pack("<I", 8) + text("qwen2")
    file = tmp_path / "own.gguf"
    file.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + pair)
    return file
