"""Model files on their way to the disk: whole, resumed, refused."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.embedded.catalog import ModelFile, UserFile
from polypilot.embedded.errors import EmbeddedError
from polypilot.embedded.store import ModelStore

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot.embedded.transfer import Progress

Server = Any  # conftest.FileServer, which importlib mode does not let us import


def part_of(models: Path) -> Path:
    return models / "made-up.gguf.part"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_pulled_file_is_whole_private_and_checked(
    model: ModelFile, models: Path, server: Server, content: bytes
):
    old = os.umask(0)
    try:
        seen: list[Progress] = []
        path = ModelStore(models, mirror=server.url).pull(model, seen.append)
    finally:
        os.umask(old)
    assert path.read_bytes() == content
    assert mode(models) == 0o700
    assert {mode(each) for each in models.iterdir()} == {0o600}
    assert list(dict.fromkeys(each.phase for each in seen)) == [
        "connect", "download", "verify", "done",
    ]  # fmt: skip
    downloaded = [each.done for each in seen if each.phase == "download"]
    assert downloaded == sorted(downloaded)
    assert downloaded[-1] == model.size == seen[-1].done
    assert {each.source for each in seen if each.phase == "download"} == {"the mirror"}
    assert not part_of(models).exists()


def test_a_file_that_is_there_is_neither_fetched_nor_read_again(
    model: ModelFile, models: Path, server: Server
):
    store = ModelStore(models, mirror=server.url)
    store.pull(model)
    seen: list[Progress] = []
    store.pull(model, seen.append)
    assert [each.phase for each in seen] == ["done"]
    assert len(server.asked) == 1


def test_a_connection_that_breaks_is_continued_where_it_broke(
    model: ModelFile, models: Path, server: Server, content: bytes
):
    server.cut_after = 1_000_000
    path = ModelStore(models, mirror=server.url).pull(model)
    assert path.read_bytes() == content
    assert server.asked == ["", "bytes=1000000-", "bytes=2000000-", "bytes=3000000-"]


def test_a_source_that_brings_nothing_is_not_asked_for_ever(
    model: ModelFile, models: Path, server: Server
):
    server.cut_after = 0
    with pytest.raises(EmbeddedError) as caught:
        ModelStore(models, mirror=server.url).pull(model)
    assert caught.value.code == "no_source"
    assert len(server.asked) == 1


def test_a_stopped_download_goes_on_where_it_stopped(
    model: ModelFile, models: Path, server: Server, content: bytes
):
    server.hold_after = 1_200_000
    cancel = threading.Event()

    def watch(progress: Progress) -> None:
        if progress.done >= 1_000_000:
            cancel.set()
            server.resume.set()

    store = ModelStore(models, mirror=server.url)
    with pytest.raises(EmbeddedError) as caught:
        store.pull(model, watch, cancel)
    assert caught.value.code == "cancelled"
    there = part_of(models).stat().st_size
    assert there >= 1_000_000
    assert store.status(model).state == "partial"
    assert store.status(model).done == there
    server.hold_after = None
    assert store.pull(model).read_bytes() == content
    assert server.asked[1:] == [f"bytes={there}-"]


def test_a_server_without_ranges_serves_a_resumed_download_too(
    model: ModelFile, models: Path, server: Server, content: bytes
):
    models.mkdir(parents=True, mode=0o700)
    part_of(models).write_bytes(content[:1_234_567])
    server.ranges = False
    assert ModelStore(models, mirror=server.url).pull(model).read_bytes() == content


def script(model: ModelFile, models: Path, mirror: str, body: str = "") -> list[str]:
    """A command that pulls in a process of its own."""
    code = f"""
        from pathlib import Path
        from polypilot.embedded.catalog import ModelFile
        from polypilot.embedded.store import ModelStore
        model = ModelFile.model_validate_json({model.model_dump_json()!r})
        progress = None
    """
    code = textwrap.dedent(code) + textwrap.dedent(body)
    code += f"ModelStore(Path({str(models)!r}), mirror={mirror!r}).pull(model, progress)\n"
    return [sys.executable, "-c", code]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_a_killed_program_had_fetched_is_kept(
    model: ModelFile, models: Path, server: Server, content: bytes, how: signal.Signals
):
    server.hold_after = 2_000_000
    tell = "progress = lambda now: print(now.done, flush=True)\n"
    command = script(model, models, server.url, tell)
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    ) as program:
        assert program.stdout is not None
        # A little more than what is asked of the file, for what the program may hold back.
        assert any(int(line) >= 1_800_000 for line in program.stdout)
        program.send_signal(how)
        assert program.wait(30) != 0
    there = part_of(models).stat().st_size
    assert there >= 1_700_000
    server.hold_after = None
    server.resume.set()
    assert ModelStore(models, mirror=server.url).pull(model).read_bytes() == content
    assert server.asked[1:] == [f"bytes={there}-"]


def test_two_programs_at_once_fetch_it_once(
    model: ModelFile, models: Path, server: Server, content: bytes
):
    server.hold_after = 500_000
    first = subprocess.Popen(script(model, models, server.url))
    assert server.holding.wait(30)
    seen: list[Progress] = []

    def watch(progress: Progress) -> None:
        seen.append(progress)
        if progress.phase == "waiting":
            server.resume.set()

    path = ModelStore(models, mirror=server.url).pull(model, watch)
    assert first.wait(30) == 0
    assert path.read_bytes() == content
    assert [each.phase for each in seen] == ["waiting", "done"]
    assert server.asked == [""]


def test_a_wrong_file_is_refused_and_removed(
    model: ModelFile, models: Path, server: Server, content: bytes
):
    server.content = content[:-1] + bytes([content[-1] ^ 1])
    with pytest.raises(EmbeddedError) as caught:
        ModelStore(models, mirror=server.url).pull(model)
    assert caught.value.code == "model_corrupt"
    assert "the mirror" in caught.value.message
    assert "SHA-256" in caught.value.message
    assert caught.value.cure
    assert [each.name for each in models.iterdir()] == [".made-up.gguf.lock"]


def test_a_wrong_file_of_one_source_is_made_good_by_the_next(
    model: ModelFile, models: Path, server: Server, second_server: Server, content: bytes
):
    server.content = bytes(len(content))
    model = model.model_copy(update={"hub": f"{second_server.url}/x"})
    assert ModelStore(models, mirror=server.url).pull(model).read_bytes() == content


def test_a_damaged_beginning_is_fetched_again(
    model: ModelFile, models: Path, server: Server, content: bytes
):
    models.mkdir(parents=True, mode=0o700)
    part_of(models).write_bytes(bytes(1_000_000))
    assert ModelStore(models, mirror=server.url).pull(model).read_bytes() == content
    assert server.asked == ["bytes=1000000-", ""]


def test_a_beginning_longer_than_the_model_is_thrown_away(
    model: ModelFile, models: Path, server: Server, content: bytes
):
    models.mkdir(parents=True, mode=0o700)
    part_of(models).write_bytes(bytes(len(content) + 1))
    assert ModelStore(models, mirror=server.url).pull(model).read_bytes() == content


def test_a_file_of_another_size_is_not_even_begun(model: ModelFile, models: Path, server: Server):
    server.content = b"<html>please log in to the hotel's network</html>"
    with pytest.raises(EmbeddedError) as caught:
        ModelStore(models, mirror=server.url).pull(model)
    assert caught.value.code == "no_source"
    assert "49 bytes instead of 3,000,001" in caught.value.message
    assert not part_of(models).exists() or part_of(models).stat().st_size == 0


def test_a_server_that_never_ends_is_given_up(
    model: ModelFile, models: Path, server: Server, content: bytes
):
    server.content, server.length, server.ranges = content + b"more", -1, False
    with pytest.raises(EmbeddedError) as caught:
        ModelStore(models, mirror=server.url).pull(model)
    assert "it sends more than the model has" in caught.value.message
    assert part_of(models).stat().st_size <= len(content)


def test_a_server_that_tells_no_length_will_do(
    model: ModelFile, models: Path, server: Server, content: bytes
):
    server.length = -1
    assert ModelStore(models, mirror=server.url).pull(model).read_bytes() == content


def test_sources_are_asked_in_order_and_each_failure_is_told(
    model: ModelFile, models: Path, server: Server, second_server: Server, content: bytes
):
    server.status = 404
    model = model.model_copy(update={"hub": f"{second_server.url}/file"})
    store = ModelStore(models, mirror=server.url)
    second_server.status = 503
    with pytest.raises(EmbeddedError) as caught:
        store.pull(model)
    assert "the mirror: it answered with status 404" in caught.value.message
    assert "the model's hub: it answered with status 503" in caught.value.message
    assert caught.value.code == "no_source"
    second_server.status = 200
    assert store.pull(model).read_bytes() == content


def test_a_mirror_can_be_a_folder(model: ModelFile, models: Path, tmp_path: Path, content: bytes):
    share = tmp_path / "share"
    share.mkdir()
    store = ModelStore(models, mirror=str(share))
    with pytest.raises(EmbeddedError, match="the mirror folder: its file can't be read"):
        store.pull(model)
    (share / model.file).write_bytes(content[:100])
    with pytest.raises(EmbeddedError, match="100 bytes instead of"):
        store.pull(model)
    (share / model.file).write_bytes(content)
    assert store.pull(model).read_bytes() == content


# --- redirects and addresses


def test_the_hubs_redirect_to_its_storage_is_followed_with_the_range(
    model: ModelFile, models: Path, server: Server, second_server: Server, content: bytes
):
    models.mkdir(parents=True, mode=0o700)
    part_of(models).write_bytes(content[:5000])
    server.status, server.location = 302, f"{second_server.url}/storage?signature=x"
    assert ModelStore(models, mirror=server.url).pull(model).read_bytes() == content
    assert second_server.asked == ["bytes=5000-"]
    for headers in server.headers + second_server.headers:
        assert set(headers) <= {"host", "user-agent", "range", "accept-encoding", "connection"}
        assert headers["user-agent"] == "polypilot"


@pytest.mark.parametrize(
    "location",
    [
        "http://models.example/x",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://user:word@127.0.0.1/x",
        "//models.example/x",
    ],
)
def test_other_redirects_are_refused(model: ModelFile, models: Path, server: Server, location: str):
    server.status, server.location = 302, location
    with pytest.raises(EmbeddedError) as caught:
        ModelStore(models, mirror=server.url).pull(model)
    assert caught.value.code == "no_source"
    # The library itself refuses other schemes, and then the redirect is the answer.
    said = caught.value.message
    assert "it redirects to an address that can't be trusted" in said or "status 302" in said
    assert len(server.asked) == 1


def test_a_redirect_in_a_circle_ends(model: ModelFile, models: Path, server: Server):
    server.status, server.location = 302, f"{server.url}/again"
    with pytest.raises(EmbeddedError):
        ModelStore(models, mirror=server.url).pull(model)
    assert len(server.asked) <= 7


def test_plain_http_is_for_this_machine_only(model: ModelFile, models: Path):
    with pytest.raises(EmbeddedError) as caught:
        ModelStore(models, mirror="http://models.example").pull(model)
    assert "must begin with https://" in caught.value.message


# --- what is there already


def test_a_file_that_was_cut_short_is_told_and_completed(
    model: ModelFile, models: Path, server: Server, content: bytes
):
    store = ModelStore(models, mirror=server.url)
    path = store.pull(model)
    path.write_bytes(content[:2_000_000])
    assert store.status(model).state == "broken"
    with pytest.raises(EmbeddedError) as caught:
        store.require(model)
    assert caught.value.code == "needs_model"
    assert "2,000,000 of 3,000,001 bytes" in caught.value.message
    assert "polypilot models pull" in caught.value.cure
    assert store.pull(model).read_bytes() == content
    assert server.asked == ["", "bytes=2000000-"]


def test_a_changed_file_of_the_right_size_is_found_and_replaced(
    model: ModelFile, models: Path, server: Server, content: bytes
):
    store = ModelStore(models, mirror=server.url)
    path = store.pull(model)
    path.write_bytes(bytes(len(content)))
    os.utime(path, ns=(1, 1))
    with pytest.raises(EmbeddedError) as caught:
        store.require(model)
    assert caught.value.code == "model_corrupt"
    assert store.pull(model).read_bytes() == content


def test_a_file_put_there_by_hand_is_checked_once(model: ModelFile, models: Path, content: bytes):
    models.mkdir(parents=True, mode=0o700)
    (models / model.file).write_bytes(content)
    store = ModelStore(models)
    assert store.require(model) == models / model.file
    assert (models / f"{model.file}.checked").exists()


def test_a_missing_model_is_told_with_its_cure(model: ModelFile, models: Path):
    store = ModelStore(models)
    assert store.status(model).state == "missing"
    with pytest.raises(EmbeddedError) as caught:
        store.require(model)
    assert caught.value.code == "needs_model"
    assert "polypilot models pull" in caught.value.cure


def test_remove_frees_everything(model: ModelFile, models: Path, server: Server, content: bytes):
    store = ModelStore(models, mirror=server.url)
    store.pull(model)
    part_of(models).write_bytes(b"old")
    assert store.remove(model) >= len(content) + 3
    assert [each.name for each in models.iterdir()] == [".made-up.gguf.lock"]


def test_a_users_file_is_used_where_it_lies(models: Path, tmp_path: Path):
    own = UserFile(
        id="file:own", name="own", path=tmp_path / "own.gguf",
        completion="prefix", chat=False, context_tokens=512,
    )  # fmt: skip
    store = ModelStore(models)
    with pytest.raises(EmbeddedError) as caught:
        store.pull(own)
    assert caught.value.code == "needs_model"
    own.path.write_bytes(b"GGUF")
    assert store.pull(own) == store.require(own) == own.path


def test_a_planted_link_is_not_written_through(
    model: ModelFile, models: Path, server: Server, tmp_path: Path
):
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    models.mkdir(parents=True, mode=0o700)
    part_of(models).symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"):
        ModelStore(models, mirror=server.url).pull(model)
    assert victim.read_bytes() == b"untouched"


# --- a full disk

SmallDisk = Callable[[list[str], str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def on_small_disk(require_system: Callable[[str, str], str], models: Path) -> SmallDisk:
    """Runs a command with the models' folder on a disk of the given size."""
    unshare = require_system("unshare", "util-linux")
    models.mkdir(parents=True, mode=0o700)

    def run(command: list[str], size: str) -> subprocess.CompletedProcess[str]:
        mount = f'mount -t tmpfs -o mode=0700,size={size} none "{models}" && exec "$@"'
        done = subprocess.run(
            [unshare, "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh", *command],
            capture_output=True, text=True, timeout=60, check=False, encoding="utf-8",
        )  # fmt: skip
        if "unshare" in done.stderr or "mount:" in done.stderr:
            pytest.skip(f"this system permits no mount in a namespace: {done.stderr.strip()}")
        return done

    return run


TELL = """
    import sys
    from polypilot.embedded.errors import EmbeddedError
    def hook(kind, exc, trace):
        part = Path({models!r}) / "made-up.gguf.part"
        print(getattr(exc, "code", exc), part.exists() and part.stat().st_size, exc, sep="|")
        sys.exit(1)
    sys.excepthook = hook
"""


def test_too_small_a_disk_is_told_before_anything_is_fetched(
    model: ModelFile, models: Path, server: Server, on_small_disk: SmallDisk
):
    done = on_small_disk(script(model, models, server.url, TELL.format(models=str(models))), "2m")
    assert done.stdout.startswith("disk_full|False|"), done
    assert "MB more are needed" in done.stdout
    assert server.asked == []


def test_a_disk_that_fills_up_meanwhile_is_told_and_keeps_what_fitted(
    model: ModelFile, models: Path, server: Server, on_small_disk: SmallDisk
):
    server.hold_after = 1_000_000
    fill = """
        import urllib.request
        def progress(step):
            if step.done > 500_000 and not (Path({models!r}) / "filler").exists():
                with open(Path({models!r}) / "filler", "wb", buffering=0) as filler:
                    try:
                        while True: filler.write(bytes(65536))
                    except OSError: pass
    """
    body = TELL + textwrap.dedent(fill).replace("\n", "\n    ")
    server.resume.set()
    done = on_small_disk(script(model, models, server.url, body.format(models=str(models))), "80m")
    code, kept, message = done.stdout.split("|", 2)
    assert code == "disk_full", done
    assert int(kept) >= 500_000
    assert "no space is left" in message
