from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot import paths
from polypilot.settings import SettingsError, load, update_user_file
from polypilot.settings.write import choose_account

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals and links of POSIX")

OLD = """\
# my settings      (with odd   spacing)
[completion]
provider   = "mistral"   # best so far
fallback = [
    "deepseek", # cheap
]


[providers.team]  # at work
wire = "openai-chat"
base_url = "http://127.0.0.1:18080/v1"
# the end
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(OLD, encoding="utf-8")
    return path


def test_only_what_was_asked_for_changes(file: Path) -> None:
    assert update_user_file({"completion.provider": "anthropic"}, file) == file
    assert file.read_text(encoding="utf-8") == OLD.replace('"mistral"', '"anthropic"')
    update_user_file({"completion.provider": "mistral"}, file)
    assert file.read_text(encoding="utf-8") == OLD


def test_several_keys_new_tables_lists_and_removal(file: Path) -> None:
    changes = {
        "completion.model": "m",
        "chat.provider": "openai",
        "privacy.exclude": ("*.pem", "a/"),
        "completion.fallback": None,
        "chat.model": None,
        "providers.team.free": True,
        "providers.other.name": "Other",
    }
    update_user_file(changes, file)
    text = file.read_text(encoding="utf-8")
    tree = tomllib.loads(text)
    assert tree["completion"] == {"provider": "mistral", "model": "m"}
    assert tree["chat"] == {"provider": "openai"}
    assert tree["privacy"] == {"exclude": ["*.pem", "a/"]}
    assert tree["providers"]["team"]["free"] is True
    assert tree["providers"]["other"] == {"name": "Other"}
    for comment in ("# my settings      (with odd   spacing)", "# best so far", "# at work"):
        assert comment in text


def test_the_first_file_is_made_with_its_folder() -> None:
    path = update_user_file({"chat.provider": "openai"})
    assert path == paths.config_file()
    assert load(env={}).settings.chat.provider == "openai"
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "text",
    [
        "completion.model = 'a'\n",
        "completion = { model = 'a', enabled = true }\n",
        "[Completion]\nMODEL = 'a'\n",
        "\ufeff[completion]\r\nmodel = 'a'\r\n",
        "[completion]\nmodel = 'a'\n[chat]\n[completion.x]\n",
        "",
    ],
    ids=range(6),
)
def test_a_key_is_changed_where_and_as_the_file_writes_it(file: Path, text: str) -> None:
    file.write_bytes(text.encode())
    update_user_file({"completion.model": "b"}, file)
    assert load(file, env={}).settings.completion.model == "b"
    assert file.read_bytes().startswith(b"\xef\xbb\xbf") == text.startswith("\ufeff")
    assert file.read_bytes().count(b"\r\n") == text.count("\r\n")
    update_user_file({"completion.model": None}, file)
    assert load(file, env={}).settings.completion.model == ""


@pytest.mark.parametrize("broken", [b"[completion\n", b"\xff", b"a = 1\na = 2\n"])
def test_a_file_that_does_not_parse_is_left_alone(file: Path, broken: bytes) -> None:
    file.write_bytes(broken)
    with pytest.raises(SettingsError, match=r"not changed, because .*config\.toml:\d") as told:
        update_user_file({"chat.model": "x"}, file)
    assert told.value.cure
    assert told.value.cure not in told.value.message
    assert file.read_bytes() == broken


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("completion.modle", "x", "not a setting"),
        ("nonsense", 1, "not a setting"),
        ("completion.debounce_ms", "soon", "whole number"),
        ("log.level", "loud", "must be"),
        ("network.proxy", "proxy", "URL"),
        ("privacy.exclude", 3, "list"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(
    file: Path, name: str, value: object, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        update_user_file({name: value}, file)
    assert file.read_text(encoding="utf-8") == OLD


def test_a_key_written_in_a_way_that_cannot_be_edited_is_said(file: Path) -> None:
    text = "'completion.model' = 'a'\n"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="unusual way"):
        update_user_file({"completion.model": "b"}, file)
    assert file.read_text(encoding="utf-8") == text


@posix_only
def test_a_file_kept_elsewhere_is_changed_there(file: Path, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    link = tmp_path / "conf" / "config.toml"
    link.symlink_to(file)
    update_user_file({"chat.model": "x"}, link)
    assert link.is_symlink()
    assert tomllib.loads(file.read_text(encoding="utf-8"))["chat"] == {"model": "x"}


@posix_only
def test_a_folder_that_cannot_be_written_is_an_error_with_a_cure() -> None:
    with pytest.raises(SettingsError, match="can't be written") as caught:
        update_user_file({"chat.model": "x"}, Path("/proc/polypilot/config.toml"))
    assert "POLYPILOT_CONFIG_DIR" in caught.value.cure


@posix_only
def test_another_program_that_holds_the_file_is_waited_for_and_named(file: Path) -> None:
    with paths.exclusive(file), pytest.raises(SettingsError, match="another program holds it"):
        update_user_file({"chat.model": "x"}, file)
    assert file.read_text(encoding="utf-8") == OLD


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=30)


@given(TEXT, st.lists(TEXT, max_size=4), st.integers(0, 5000), st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_value_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    text: str,
    texts: list[str],
    number: int,
    flag: bool,  # noqa: FBT001 - pytest and hypothesis fill it in by name
) -> None:
    path = tmp_path_factory.getbasetemp() / "round" / "config.toml"
    changes: dict[str, object] = {
        "chat.system": text,
        "completion.disabled_languages": texts,
        "completion.debounce_ms": number,
        "completion.enabled": flag,
    }
    try:
        update_user_file(changes, path)
    except SettingsError as exc:
        assert "keys are not written" in exc.message  # noqa: PT017  (the one refusal that text can meet)
        return
    tree = tomllib.loads(path.read_text(encoding="utf-8"))
    assert tree["chat"]["system"] == text
    assert tree["completion"]["disabled_languages"] == texts
    assert (tree["completion"]["debounce_ms"], tree["completion"]["enabled"]) == (number, flag)


# --- kills and crowds

CHANGER = """
import sys
from pathlib import Path
from polypilot.settings import update_user_file
file, name, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
n = 0
while n != times:
    n += 1
    update_user_file({f"providers.{name}.notes": f"{n}"}, file)
    if n == 1:  # the first one imports; the others only change the file
        print("ready", flush=True)
"""


def start(file: Path, name: str, times: int) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-S", "-c", CHANGER, str(file), name, str(times)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE)


def kill_changers(file: Path, kills: int) -> int:
    torn = 0
    for n in range(kills):
        with start(file, "p", -1) as changer:
            assert changer.stdout is not None
            assert changer.stdout.readline() == b"ready\n"
            # Not a wait for an event: the moment of the kill is what varies.
            time.sleep((n * 7919 % 997) / 997 * 0.03)
            changer.send_signal(signal.SIGKILL)
            changer.wait()
        loaded = load(file, env={})
        torn += not loaded.user_ok or not file.read_text(encoding="utf-8").startswith(
            OLD.splitlines()[0]
        )
        torn += loaded.settings.completion.provider != "mistral"
    # Some of the kills must have met a write, or nothing was tested.
    assert list(file.parent.glob(".config.toml.*.tmp"))
    return torn


@posix_only
def test_a_kill_during_a_change_leaves_the_old_file_or_the_new(file: Path) -> None:
    assert kill_changers(file, 40) == 0


@posix_only
@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_a_thousand_kills_during_changes_leave_the_old_file_or_the_new(file: Path) -> None:
    assert kill_changers(file, 1000) == 0


def change_together(file: Path, processes: int, times: int) -> dict[str, str]:
    changers = [start(file, f"p{n}", times) for n in range(processes)]
    for changer in changers:
        with changer:
            changer.wait()
    assert [changer.returncode for changer in changers] == [0] * processes
    rows = tomllib.loads(file.read_text(encoding="utf-8"))["providers"]
    return {name: row["notes"] for name, row in rows.items() if name != "team"}


@posix_only
def test_ten_processes_change_the_file_and_lose_nothing(file: Path) -> None:
    assert change_together(file, 10, 8) == {f"p{n}": "8" for n in range(10)}
    assert "# best so far" in file.read_text(encoding="utf-8")


@posix_only
@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_ten_processes_with_a_thousand_changes_each_lose_nothing(file: Path) -> None:
    assert change_together(file, 10, 1000) == {f"p{n}": "1000" for n in range(10)}


def test_new_lines_end_as_the_files_own_do(file: Path) -> None:
    file.write_bytes(OLD.replace("\n", "\r\n").encode())
    update_user_file({"providers.team.free": True, "chat.provider": "openai"}, file)
    choose_account("team", "work", None, file)
    choose_account("team", "play", file.parent, file)
    new = file.read_bytes()
    assert new.count(b"\n") == new.count(b"\r\n") > OLD.count("\n")
    assert load(file, env={}).problems == ()


def test_a_value_that_no_file_can_hold_is_told(file: Path) -> None:
    with pytest.raises(SettingsError, match="could not be changed"):
        update_user_file({"providers.team.chat_model": "a\ud800"}, file)
    assert file.read_text(encoding="utf-8") == OLD
