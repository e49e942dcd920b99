"""Whom a user means."""

from __future__ import annotations

from pathlib import Path

import pytest

from polypilot.compare.targets import TargetError, parse

ROWS = {"embedded": None, "team": None}


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("team", "team"), ("team", "team#2")),
        (("team/x", "team/x#2", "team/x"), ("team/x", "team/x#2", "team/x#3")),
        (("team/x#2", "team/x", "team/x"), ("team/x#2", "team/x", "team/x#3")),
        (("embedded/a/m.gguf", "embedded/b/m.gguf"), ("embedded/m.gguf", "embedded/m.gguf#2")),
    ],
)
def test_each_target_has_a_label_of_its_own(names: tuple[str, ...], labels: tuple[str, ...]):
    assert tuple(each.label for each in parse(names, ROWS)) == labels


def test_a_file_is_looked_for_where_the_user_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (found,) = parse(("embedded/m.gguf",), ROWS)
    assert found.file == str(Path.cwd() / "m.gguf")


@pytest.mark.parametrize("names", [(), ("nobody/x",), ("",)])
def test_what_means_nothing_is_said(names: tuple[str, ...]):
    with pytest.raises(TargetError):
        parse(names, ROWS)
