"""``polypilot auth`` against a real keyring and a real server that knows good keys from bad."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

GOOD, ALSO_GOOD, BAD, LIMITED = (
    f"canary-{name}-0123456789" for name in ("good", "also-good", "bad", "limited")
)


class Supplier(BaseHTTPRequestHandler):
    """Lists its models to whoever has a good key; remembers what it was shown."""

    def do_GET(self) -> None:
        key = self.headers.get("authorization", "").removeprefix("Bearer ")
        self.server.keys.append(key)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - ours, below
        known = key in {GOOD, ALSO_GOOD, LIMITED}
        status = 403 if key == LIMITED else 200 if known else 401
        body = {"data": [{"id": "m"}]} if status == 200 else {"error": {"message": "not so"}}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def keys_shown(desktop: Any) -> Iterator[list[str]]:
    """A supplier that the user's settings name ``team``; the keys it was shown."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Supplier)
    shown: list[str] = []
    server.keys = shown  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue] - see above
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    config = Path(desktop.env["POLYPILOT_CONFIG_DIR"])
    config.mkdir(parents=True, exist_ok=True)
    (config / "config.toml").write_text(
        f'[providers.team]\nwire = "openai-chat"\n'
        f'base_url = "http://127.0.0.1:{server.server_port}/v1"\n',
        encoding="utf-8",
    )
    yield shown
    server.shutdown()
    thread.join()
    server.server_close()


def polypilot(
    desktop: Any, *arguments: str, stdin: str | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "polypilot.cli", *arguments],
        env=desktop.env,
        cwd=cwd,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert "canary" not in done.stdout + done.stderr, "no key is ever shown"
    return done


def test_a_key_is_stored_checked_listed_used_and_removed(
    desktop: Any, keys_shown: list[str]
) -> None:
    stored = polypilot(desktop, "auth", "set", "team", "--stdin", stdin=f"  {GOOD}\n")
    assert stored.returncode == 0, stored.stderr
    assert "The key works (" in stored.stdout
    assert "Secret Service" in stored.stdout, "it is said where the key is"
    assert keys_shown == [GOOD]
    listed = json.loads(polypilot(desktop, "auth", "list", "--json").stdout)
    assert [(row["provider"], row["source"]) for row in listed] == [("team", "keyring")]
    checked = json.loads(polypilot(desktop, "auth", "check", "--json").stdout)
    assert (checked["provider"], checked["ok"]) == ("team", True)
    assert keys_shown == [GOOD, GOOD]
    removed = polypilot(desktop, "auth", "remove", "team")
    assert removed.returncode == 0, removed.stderr
    assert json.loads(polypilot(desktop, "auth", "list", "--json").stdout) == []
    after = polypilot(desktop, "auth", "check", "team")
    assert after.returncode == 3
    assert "polypilot auth set team" in after.stderr
    assert keys_shown == [GOOD, GOOD], "without a key nothing is asked"


def test_a_refused_key_does_not_displace_the_one_before(
    desktop: Any, keys_shown: list[str]
) -> None:
    polypilot(desktop, "auth", "set", "team", "--stdin", stdin=GOOD)
    refused = polypilot(desktop, "auth", "set", "team", "--stdin", stdin=BAD)
    assert refused.returncode == 3
    assert "was not kept" in refused.stderr
    assert polypilot(desktop, "auth", "check", "team").returncode == 0
    assert keys_shown == [GOOD, BAD, GOOD]
    polypilot(desktop, "auth", "set", "team", "--stdin", stdin=ALSO_GOOD)
    assert polypilot(desktop, "auth", "check", "team").returncode == 0
    assert keys_shown[-1] == ALSO_GOOD


def test_a_refused_first_key_leaves_none(desktop: Any, keys_shown: list[str]) -> None:
    assert polypilot(desktop, "auth", "set", "team", "--stdin", stdin=BAD).returncode == 3
    assert json.loads(polypilot(desktop, "auth", "list", "--json").stdout) == []
    assert keys_shown == [BAD]


def test_unchecked_nothing_is_sent(desktop: Any, keys_shown: list[str]) -> None:
    done = polypilot(desktop, "auth", "set", "team", "--stdin", "--no-check", stdin=GOOD)
    assert done.returncode == 0, done.stderr
    assert keys_shown == []


def test_a_locked_keyring_is_named_and_the_key_is_not_kept_elsewhere(
    desktop: Any, keys_shown: list[str]
) -> None:
    desktop.lock()
    done = polypilot(desktop, "auth", "set", "team", "--stdin", stdin=GOOD)
    assert done.returncode == 3
    assert "locked" in done.stderr
    assert keys_shown == []


def test_a_key_that_may_not_list_models_is_kept(desktop: Any, keys_shown: list[str]) -> None:
    """It may well chat: of a supplier's restricted keys that is what they are for."""
    done = polypilot(desktop, "auth", "set", "team", "--stdin", stdin=LIMITED)
    assert done.returncode == 0, done.stderr
    assert "does not let this key do that" in done.stderr
    (key,) = json.loads(polypilot(desktop, "auth", "list", "--json").stdout)
    assert key["in_use"] is True
    checked = polypilot(desktop, "auth", "check", "team", "--json")
    assert checked.returncode == 3
    told = json.loads(checked.stdout)
    assert (told["ok"], told["code"]) == (False, "permission")
    assert keys_shown == [LIMITED, LIMITED]


def test_several_keys_each_by_its_name_and_each_in_its_folder(
    desktop: Any, keys_shown: list[str], tmp_path: Path
) -> None:
    work = tmp_path / "work"
    (work / ".git").mkdir(parents=True)
    for account, key in (((), GOOD), (("--account", "work"), ALSO_GOOD)):
        done = polypilot(desktop, "auth", "set", "team", *account, "--stdin", stdin=key)
        assert done.returncode == 0, done.stderr
    assert "polypilot auth use team work" in done.stderr, "it is stored, and not in use"
    refused = polypilot(desktop, "auth", "set", "team", "--account", "work", "--stdin", stdin=BAD)
    assert refused.returncode == 3
    assert "--account work" in refused.stderr
    used = polypilot(desktop, "auth", "use", "team", "work", "--folder", ".", cwd=work)
    assert used.returncode == 0, used.stderr
    keys_shown.clear()
    assert polypilot(desktop, "auth", "check", "team", cwd=tmp_path).returncode == 0
    here = json.loads(polypilot(desktop, "auth", "check", "team", "--json", cwd=work).stdout)
    assert here == {"provider": "team", "account": "work", "ok": True, "said": "1 model"}
    assert keys_shown == [GOOD, ALSO_GOOD]
    every = polypilot(desktop, "auth", "check", "--json").stdout.splitlines()
    assert [json.loads(line)["account"] for line in every] == ["", "work"]
    shown = json.loads(polypilot(desktop, "providers", "--json", cwd=work).stdout)
    assert [row.get("account") for row in shown if row["id"] == "team"] == ["work"]
    listed = json.loads(polypilot(desktop, "auth", "list", "--json", cwd=work).stdout)
    assert [(row["account"], row["in_use"]) for row in listed] == [("", False), ("work", True)]
    removed = polypilot(desktop, "auth", "remove", "team", "--account", "work", cwd=work)
    assert removed.returncode == 0
    assert "still names it" in removed.stderr
    keys_shown.clear()
    gone = polypilot(desktop, "auth", "check", "team", cwd=work)
    assert gone.returncode == 3
    assert "polypilot auth set team --account work" in gone.stderr
    assert keys_shown == [], "the key without a name is not put in its place"
    polypilot(desktop, "auth", "use", "team", "--default", "--folder", ".", cwd=work)
    assert polypilot(desktop, "auth", "check", "team", cwd=work).returncode == 0
    assert keys_shown == [GOOD]
