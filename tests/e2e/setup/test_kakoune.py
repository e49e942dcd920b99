"""The real Kakoune reads the kakrc that `polypilot setup kakoune` writes.

Its language client, kakoune-lsp, is a program of its own that no registry here has. In its place
stands its one option, so that what Kakoune hands over to it can be read.
"""

from __future__ import annotations

import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

OWN = "declare-option str lsp_servers\nset-option global tabstop 4 # mine"


@pytest.mark.feature("kakoune", "installed by setup")
@pytest.mark.parametrize("filetype", ["python", "html"])
def test_the_option_is_set_for_our_languages_alone(
    kakoune_program: Path, user: Any, filetype: str
) -> None:
    kakrc = user.config / "kak" / "kakrc"
    kakrc.parent.mkdir(parents=True)
    kakrc.write_text(OWN, encoding="utf-8")
    user.setup("kakoune", "--yes", path=kakoune_program.parent)
    result = user.work / "result"
    commands = (
        f"set-option buffer filetype {filetype}; "
        f"echo -to-file {result} -- %opt{{lsp_servers}}; quit! 0"
    )
    done = subprocess.run(
        [str(kakoune_program), "-ui", "dummy", "-e", commands],
        env={**user.env, "PATH": "/usr/bin:/bin"},
        cwd=user.work,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr, done.stderr
    servers = tomllib.loads(result.read_text("utf-8"))
    if filetype == "python":
        server = servers["polypilot"]
        assert server["command"].endswith("/polypilot")
        assert server["args"] == ["--stdio"]
        section = server["settings"][server["settings_section"]]
        assert section == {"polypilot": {"completion": {"menu": True}}}
    else:
        assert servers == {}
    user.setup("kakoune", "--undo", "--yes", path=kakoune_program.parent)
    assert kakrc.read_text("utf-8") == OWN
