"""A gate on real folders, and texts with made-up secrets."""

from __future__ import annotations

import base64
import random
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from polypilot.workspace.documents import DocumentStore
from polypilot.workspace.gate import Gate
from polypilot.workspace.roots import Roots, uri_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Privacy:
    """The settings the gate obeys."""

    exclude: tuple[str, ...] = ()
    use_gitignore: bool = True
    redact_secrets: bool = True


@dataclass
class Bench:
    """A workspace, what is open in it, and a gate in front."""

    root: Path
    privacy: Privacy = field(default_factory=Privacy)

    def __post_init__(self) -> None:
        self.roots = Roots([uri_of(str(self.root))])
        self.documents = DocumentStore("utf-32")
        self.gate = Gate(self.roots, self.privacy, self.documents)

    def file(self, name: str, text: str = "x = 1\n") -> str:
        """Writes a file below the root and returns its URI."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return uri_of(str(path))

    def open(self, uri: str, text: str = "x = 1\n") -> str:
        """Opens a document as an editor does."""
        self.documents.open(uri, "plaintext", 1, text)
        return uri

    def allowed(self, name: str) -> bool:
        """Whether a file of the workspace passes."""
        return self.gate.admit_document(uri_of(str(self.root / name))).allowed

    def set(self, **changes: object) -> None:
        """New settings."""
        self.gate.update(Privacy(**changes))  # pyright: ignore[reportArgumentType] - by name


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A fresh workspace."""
    root = tmp_path / "project"
    root.mkdir()
    return Bench(root)


@pytest.fixture
def make_bench() -> Callable[..., Bench]:
    """Makes a workspace at a folder, with settings."""

    def make(root: Path, **privacy: object) -> Bench:
        return Bench(root, Privacy(**privacy))  # pyright: ignore[reportArgumentType] - by name

    return make


_ALNUM = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


def _key(seed: int) -> dict[str, str]:
    """One made-up secret of each kind, in the issuers' formats. Built, never spelled out."""
    rng = random.Random(seed)  # noqa: S311 - test data

    def some(alphabet: str, count: int) -> str:
        return "".join(rng.choices(alphabet, k=count))

    def b64(count: int) -> str:
        return base64.b64encode(rng.randbytes(count)).decode()

    def jwt_part(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    body = b64(608)
    label = "RSA PRIVATE" + " KEY"
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    aws = some(string.ascii_letters, 20) + "7k" + some(_ALNUM + "/+", 17) + "Q"
    return {
        "aws_access_key": "AKIA" + some(string.ascii_uppercase + "234567", 16),
        "aws_secret_key": aws,
        "openai_legacy": "sk-" + some(_ALNUM, 20) + "T3BlbkFJ" + some(_ALNUM, 20),
        "openai_project": "sk-" + "proj-" + some(_ALNUM + "_-", 120),
        "anthropic": "sk-" + "ant-api03-" + some(_ALNUM + "_-", 93) + "AA",
        "github_classic": "ghp" + "_" + some(_ALNUM, 36),
        "github_fine": "github" + "_pat_" + some(_ALNUM, 22) + "_" + some(_ALNUM, 59),
        "gitlab": "glpat" + "-" + some(_ALNUM + "_-", 19) + "A",
        "google_api": "AIza" + some(_ALNUM + "_-", 35),
        "slack": "xoxb" + "-" + some(string.digits, 12) + "-" + some(_ALNUM, 24),
        "stripe": "sk" + "_live_" + some(_ALNUM, 24),
        "npm": "npm" + "_" + some(_ALNUM, 36),
        "huggingface": "hf" + "_" + some(_ALNUM, 34),
        "pypi": "pypi-" + "AgE" + some(_ALNUM + "_-", 150),
        "private_key": f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----",
        "jwt": ".".join(
            (
                jwt_part('{"alg":"HS256","typ":"JWT"}'),
                jwt_part('{"sub":"' + some(_ALNUM, 12) + '","iat":1516239022}'),
                some(_ALNUM + "_-", 43),
            )
        ),
        "url_password": some(_ALNUM, 14) + "!x7",
        "azure_storage": b64(64),
        "groq": "gsk" + "_" + some(_ALNUM, 52),
        "xai": "xai" + "-" + some(_ALNUM, 80),
        "sendgrid": "SG." + some(_ALNUM + "_-", 22) + "." + some(_ALNUM + "_-", 43),
        "twilio": "SK" + some(_HEX, 32),
        "openrouter": "sk-" + "or-v1-" + some(_HEX, 64),
        "named_key": some(_HEX, 30) + "a7",
        "plain_password": "hunter2" + some(_ALNUM, 5),
    }


_WRITTEN = {
    "aws_secret_key": "aws_secret_access_key = {}",
    "url_password": "postgres://app:{}@db.example.com:5432/x",
    "azure_storage": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};EndpointSuffix=x",
    "named_key": "AZURE_OPENAI_API_KEY={}",
    "plain_password": "password = {}",
}
"""Kinds that are recognised by what stands before them."""


@pytest.fixture
def secret() -> Callable[..., tuple[str, str]]:
    """``secret(kind, seed)``: a text with one secret of the kind, and the secret itself."""

    def make(kind: str, seed: int = 1) -> tuple[str, str]:
        value = _key(seed)[kind]
        return _WRITTEN.get(kind, "{}").format(value), value

    return make


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test that asks for ``kind`` once for each."""
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", list(_key(0)))
