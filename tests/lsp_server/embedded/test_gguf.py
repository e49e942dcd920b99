"""What a GGUF file's header says, and that a bad one says so."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot.embedded.catalog import DEFAULT_MODEL, catalog, choose
from polypilot.embedded.errors import EmbeddedError
from polypilot.embedded.gguf import read_header

if TYPE_CHECKING:
    from pathlib import Path

U8, U32, F32, BOOL, STRING, ARRAY, U64 = 0, 4, 6, 7, 8, 9, 10


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def strings(*texts: str) -> bytes:
    return struct.pack("<IQ", STRING, len(texts)) + b"".join(map(string, texts))


def gguf(*pairs: tuple[str, int, bytes], version: int = 3) -> bytes:
    """A header with these keys, and no tensors."""
    head = b"GGUF" + struct.pack("<IQQ", version, 0, len(pairs))
    return head + b"".join(
        string(key) + struct.pack("<I", kind) + value for key, kind, value in pairs
    )


BASE = (
    ("general.architecture", STRING, string("qwen2")),
    ("general.name", STRING, string("A model")),
    ("qwen2.context_length", U32, struct.pack("<I", 4096)),
    ("qwen2.rope.freq_base", F32, struct.pack("<f", 1.0)),
    ("tokenizer.ggml.add_bos_token", BOOL, b"\0"),
    ("tokenizer.ggml.scores", ARRAY, struct.pack("<IQ", F32, 3) + bytes(12)),
    ("nested", ARRAY, struct.pack("<IQ", ARRAY, 2) + 2 * (struct.pack("<IQ", U8, 1) + b"\1")),
)
TEMPLATE = ("tokenizer.chat_template", STRING, string("{{ messages }}"))


def tokens(*texts: str) -> tuple[str, int, bytes]:
    return "tokenizer.ggml.tokens", ARRAY, strings("a", "b", *texts)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "My Model Q4_K.gguf"


def test_a_header_is_read(path: Path):
    path.write_bytes(gguf(*BASE, tokens(), TEMPLATE) + b"tensors")
    header = read_header(path)
    assert header.name == "A model"
    assert header.architecture == "qwen2"
    assert header.context_tokens == 4096
    assert header.chat
    assert not header.fim


@pytest.mark.parametrize(
    "token", ["<|fim_prefix|>", "<fim_prefix>", "<fim-prefix>", "▁<PRE>", "<\uff5cfim▁begin\uff5c>"]
)
def test_fill_in_the_middle_is_known_by_the_vocabulary(path: Path, token: str):
    path.write_bytes(gguf(*BASE, tokens(token)))
    assert read_header(path).fim
    row = choose(model_file=str(path))
    assert row.completion == "prefix"  # whose tokens they are is not known
    assert not row.chat
    assert row.id == "file:my-model-q4_k"
    assert row.context_tokens == 4096


def test_a_model_with_such_tokens_is_asked_in_its_familys(path: Path):
    other = path.with_name("Qwen2.5-Coder-3B.gguf")
    other.write_bytes(gguf(*BASE, tokens("<|fim_prefix|>")))
    assert choose(model_file=str(other)).completion == "template:qwen"
    other.write_bytes(gguf(*BASE, tokens()))
    assert choose(model_file=str(other)).completion == "prefix"


def test_fill_in_the_middle_is_known_by_the_metadata(path: Path):
    key = ("tokenizer.ggml.fim_pre_token_id", U32, struct.pack("<I", 7))
    path.write_bytes(gguf(*BASE, tokens(), key, version=2))
    assert read_header(path).fim


def test_a_model_without_such_tokens_completes_left_to_right(path: Path):
    path.write_bytes(gguf(*BASE, tokens(), TEMPLATE))
    row = choose(model_file=str(path))
    assert row.completion == "prefix"
    assert row.chat
    assert row.name == "A model"


def test_a_header_cut_anywhere_is_refused(path: Path):
    whole = gguf(*BASE, tokens("<|fim_prefix|>"), TEMPLATE)
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(EmbeddedError) as caught:
            read_header(path)
        assert caught.value.code == "model_corrupt"
    path.write_bytes(whole)
    assert read_header(path).fim


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\3\4" + bytes(100),
        gguf(version=1),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 2**63),
        gguf(("k", STRING, struct.pack("<Q", 2**62) + b"x")),
        gguf(("k", ARRAY, struct.pack("<IQ", U64, 2**61))),
        gguf(("k", ARRAY, struct.pack("<IQ", STRING, 2**60))),
        gguf(("k", 99, b"")),
        gguf(("k", ARRAY, 9 * struct.pack("<IQ", ARRAY, 1))),
    ],
)
def test_hostile_headers_are_refused_at_once(path: Path, data: bytes):
    path.write_bytes(data)
    with pytest.raises(EmbeddedError) as caught:
        read_header(path)
    assert caught.value.code == "model_corrupt"
    assert caught.value.cure


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes):
    path = tmp_path_factory.mktemp("gguf") / "x.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 5) + data)
    try:
        read_header(path)
    except EmbeddedError as error:
        assert error.code == "model_corrupt"  # noqa: PT017  (either outcome is right)


def test_a_missing_file_and_a_relative_path_are_told(path: Path):
    with pytest.raises(EmbeddedError) as caught:
        choose(model_file=str(path))
    assert caught.value.code == "needs_model"
    with pytest.raises(EmbeddedError, match="absolute"):
        choose(model_file="model.gguf")


# --- the catalog


def test_the_catalogs_rows_add_up():
    rows = catalog()
    assert next(iter(rows)) == DEFAULT_MODEL
    assert set(rows) == {"qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b", "smollm2-135m"}
    for row in rows.values():
        assert sum(part.size for part in row.parts) == row.size
        assert len({part.sha256 for part in row.parts}) == len(row.parts)
        assert row.hub.startswith("https://")
        assert row.licence == "Apache-2.0"


def test_a_model_is_chosen_by_name():
    assert choose().id == DEFAULT_MODEL
    assert choose("smollm2-135m").completion == "prefix"
    with pytest.raises(EmbeddedError) as caught:
        choose("gpt-99")
    assert caught.value.code == "unknown_model"
    assert DEFAULT_MODEL in caught.value.cure
