"""The user's word about folders, some of them inside others, and what the status says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polypilot.workspace.trust import TrustError, TrustStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.backend import Backend

pytestmark = pytest.mark.allow_blocking("the tests write settings files")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder and one inside it; each asks for something else."""
    outer = tmp_path / "repository"
    inner = outer / "package"
    inner.mkdir(parents=True)
    (outer / ".polypilot.toml").write_text("[completion]\nmax_file_bytes = 1000\n", "utf-8")
    (inner / ".polypilot.toml").write_text('[privacy]\nexclude = ["x/"]\n', "utf-8")
    return outer, inner


@pytest.mark.parametrize("named", ["path", "uri"])
async def test_a_decision_is_about_one_folder_and_not_those_inside_it(
    backends: Callable[..., Backend], folders: tuple[Path, Path], named: str
) -> None:
    outer, inner = (str(each) if named == "path" else each.as_uri() for each in folders)
    backend = backends(roots=[outer, inner])
    assert await backend.set_trust(outer, trusted=True) == ("completion.max_file_bytes",)
    assert (backend.trust.trusted(outer), backend.trust.trusted(inner)) == (True, False)
    assert backend.status.trusted is False
    assert await backend.set_trust(inner, trusted=True) == ("privacy.exclude",)
    assert backend.status.trusted is True
    await backend.set_trust(outer, trusted=False)
    assert (backend.trust.trusted(inner), backend.status.trusted) == (True, False)
    assert len(backend.workspace_files()) == 2
    assert backend.workspace_files("untitled:none") == ()


async def test_a_folder_that_changed_is_trusted_no_longer_and_the_status_says_so(
    backends: Callable[..., Backend], folders: tuple[Path, Path]
) -> None:
    outer, _ = folders
    backend = backends(roots=[outer])
    await backend.set_trust(str(outer), trusted=True)
    assert backend.status.trusted is True
    (outer / ".polypilot.toml").write_text("[completion]\nmax_file_bytes = 999\n", "utf-8")
    await backend.reload()
    assert backend.status.trusted is False
    assert backend.settings.completion.max_file_bytes == 999


async def test_a_decision_made_elsewhere_is_noticed(
    backends: Callable[..., Backend], folders: tuple[Path, Path]
) -> None:
    """`polypilot trust` in a terminal, beside the running server."""
    outer, _ = folders
    backend = backends(roots=[outer])
    store = TrustStore()
    store.trust(str(outer), store.digest(str(outer)) or "")
    backend._sources._looked = float("-inf")  # pyright: ignore[reportPrivateUsage]  the clock, an hour later
    await backend.refresh()
    assert backend.status.trusted is True


async def test_a_decision_that_can_not_be_kept_is_told(
    backends: Callable[..., Backend], tmp_path: Path
) -> None:
    backend = backends(roots=[tmp_path / "gone"])
    with pytest.raises(TrustError):
        await backend.set_trust(str(tmp_path / "gone"), trusted=True)
    assert backend.status.trusted is False


async def test_without_a_folder_nothing_is_trusted(
    backends: Callable[..., Backend], folders: tuple[Path, Path]
) -> None:
    outer, _ = folders
    backend = backends()
    await backend.look_at_trust()
    assert backend.status.trusted is False
    await backend.set_trust(str(outer), trusted=True)
    assert backend.status.trusted is False
    await backend.configure(roots=[outer])
    assert backend.status.trusted is True
    assert backend.roots == (str(outer),)


async def test_a_folder_whose_name_no_disk_takes_keeps_no_settings_out(
    backends: Callable[..., Backend], tmp_path: Path
) -> None:
    backend = backends(roots=[tmp_path])
    await backend.configure(
        roots=["/" + 300 * "a"], editor_settings={"completion": {"model": "later"}}
    )
    assert backend.settings.completion.model == "later"
    assert backend.status.trusted is False
