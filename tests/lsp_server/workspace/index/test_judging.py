from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.workspace.index.judging import FolderPolicy, Rules
from polypilot.workspace.roots import Root, uri_of

if TYPE_CHECKING:
    from index_support import Space


def policy(space: Space, **rules: object) -> FolderPolicy:
    top = str(space.root)
    made = Rules(**rules)  # pyright: ignore[reportArgumentType] - by name
    return FolderPolicy(Root(uri_of(top), top, top), (top,), made)


def listed(space: Space, which: FolderPolicy, folder: str = "") -> set[str]:
    path = space.root / folder
    names = sorted(each.name for each in path.iterdir())
    entered = which.enter(str(path), names)
    if entered is None:
        return set()
    return {name for name in names if which.lists(entered, str(path / name))}


def test_a_name_that_is_excluded_is_not_listed_even_before_the_file_is_read(fresh: Space):
    for name in (".env", "key.pem", "a.py", "b.log", "c.tmp", "mine.txt"):
        fresh.write(name)
    fresh.write(".gitignore", "*.log\n")
    fresh.write(".aiignore", "*.tmp\n")
    ignore_files = {".gitignore", ".aiignore"}
    assert listed(fresh, policy(fresh)) - ignore_files == {"a.py", "mine.txt"}
    assert listed(fresh, policy(fresh, use_gitignore=False)) - ignore_files == {
        "a.py",
        "b.log",
        "mine.txt",
    }
    assert listed(fresh, policy(fresh, exclude=("mine*",))) - ignore_files == {"a.py"}


def test_a_folder_is_entered_unless_nothing_in_it_can_be_allowed(fresh: Space):
    folders = ("src", "env", "keys", "ignored", "kept", "NODE_MODULES", "marked", "noai")
    for folder in folders:
        fresh.write(f"{folder}/a.py")
    fresh.write(".gitignore", "ignored/\nkept/*\n!kept/a.py\n")
    fresh.write("marked/pyvenv.cfg")
    fresh.write("noai/.noai")

    def entered(which: FolderPolicy) -> set[str]:
        names = {each: [file.name for file in (fresh.root / each).iterdir()] for each in folders}
        return {each for each in folders if which.enter(str(fresh.root / each), names[each])}

    assert entered(policy(fresh)) == {"src", "kept"}
    # Which folders hold what is allowed again is known only by looking into all of them.
    again = policy(fresh, exclude=("!keys/a.py",))
    assert entered(again) == {"src", "kept", "keys", "env"}
    assert listed(fresh, again, "keys") == {"a.py"}
    assert listed(fresh, again, "env") == set()


def test_the_state_changes_with_what_decides(fresh: Space):
    fresh.write("src/a.py")

    def state(**rules: object) -> str:
        entered = policy(fresh, **rules).enter(str(fresh.root / "src"), ["a.py"])
        assert entered
        return entered.state

    first = state()
    assert state() == first
    assert state(exclude=("x",)) != first
    fresh.write(".aiignore", "b.py\n")
    assert state() != first
