from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from polypilot.workspace.gate import ExcludedError
from polypilot.workspace.index import Phase, SearchError, State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from index_support import Space

    Until = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]


async def test_nothing_is_started_or_written_before_somebody_searches(space: Space):
    space.write("a.py", "zebra = 1\n")
    index = space.server()
    index.saved(space.write("b.py"))
    assert index.state() == State(str(space.root))
    assert index.pid is None
    assert not space.cache.exists()


async def test_the_first_search_finds_in_a_workspace_nobody_has_looked_at(space: Space):
    space.write("src/app.py", "import os\n\n\ndef paint_zebra():\n    return os\n")
    found = await space.server().search("zebra", budget_s=20)
    assert found.complete
    assert not found.problem
    [hit] = found.hits
    assert hit.path == str(space.root / "src/app.py")
    assert (hit.first_line, hit.last_line) == (1, 6)
    assert hit.span == (0, 6)


async def test_what_is_found_can_be_read_through_the_gate(space: Space):
    filler = "".join(f"def f{n}():\n    return {n}\n\n\n" for n in range(60))
    space.write("a.py", f"{filler}def lonely_walrus():\n    return 1\n")
    index, gate = await space.built(), space.gate()
    [hit] = (await index.search("walrus")).hits
    await gate.look([hit.path], 5, read=True)
    text = gate.read_file(hit.path).text.lines(*hit.span).text
    assert "def lonely_walrus" in text
    assert text.count("\n") < 61
    [symbol] = await index.symbols("lonely_walrus")
    assert gate.read_file(symbol.path).text.lines(*symbol.span).text.startswith("def lonely_walrus")


async def test_words_are_found_by_parts_of_names_by_stem_and_without_case(space: Space):
    space.write("a.ts", "export function closeHTTPSocket() {}\n")
    index = await space.built()
    for words in ("closeHTTPSocket", "closehttpsocket", "socket", "SOCKETS", "closing", "clos"):
        assert space.names(await index.search(words)) == ["a.ts"], words
    assert (await index.search("ocket")).hits == ()


async def test_what_has_all_words_comes_before_what_has_some(space: Space):
    space.write("some.py", "heron = 1\n" * 9)
    space.write("both.py", "# a long text about many things\n" * 30 + "heron = 1\nibis = 2\n")
    index = await space.built()
    assert space.names(await index.search("heron ibis")) == ["both.py", "some.py"]
    assert space.names(await index.search("ibis")) == ["both.py"]


async def test_a_definition_and_a_path_weigh_more_than_a_mention(space: Space):
    space.write("mention.py", "x = 1  # lynx lynx\n")
    space.write("lynx.py", "x = 1\n")
    space.write("define.py", "def lynx(): pass\n")
    names = space.names(await (await space.built()).search("lynx"))
    assert names[-1] == "mention.py"
    assert len(names) == 3


async def test_no_file_fills_the_answer_alone_and_neighbours_are_one_hit(space: Space):
    space.write("big.py", "\n\n".join(f"def otter_{n}():\n    return otter" for n in range(400)))
    space.write("small.py", "# an otter\n" + "a = 1\n" * 30)
    found = await (await space.built()).search("otter", limit=10)
    names = space.names(found)
    assert "small.py" in names
    assert names.count("big.py") <= 3
    assert all(hit.last_line - hit.first_line < 125 for hit in found.hits)


async def test_questions_that_are_no_words_find_nothing(space: Space):
    space.write("a.py", "x = 1\n")
    index = await space.built()
    for words in ("", "?!", "the", '" OR "', "a*b", "(", "NEAR(", "\0", "\ud800", "x" * 50_000):
        assert (await index.search(words)).hits == ()
        assert await index.symbols(words) == ()
    assert await index.files("\0") == ()


async def test_words_that_look_like_a_query_language_are_words(space: Space):
    space.write("a.sql", "-- and not near body: path\n")
    index = await space.built()
    for words in ('"near', "body:", "NOT near", "near AND", "near*", "-near", "{near}", "^near"):
        assert space.names(await index.search(words)) == ["a.sql"], words


# -- definitions ---------------------------------------------------------------------------


async def test_symbols_are_found_from_the_exact_name_to_the_letters(space: Space):
    space.write("a.py", "def Load(): pass\ndef load(): pass\ndef load_all(): pass\n")
    space.write("b.py", "class Reloader: pass\nlow_order_add = 1\n")
    index = await space.built()

    async def named(typed: str) -> list[str]:
        return [each.name for each in await index.symbols(typed)]

    assert await named("load") == ["load", "Load"]
    assert await named("LOAD_") == ["load_all"]
    assert await named("loadal") == ["load_all"]
    assert await named("loa_") == ["load_all"]
    assert await named("lwadd") == ["low_order_add"]
    assert await named("eloadr") == ["Reloader"]
    assert await named("50%_") == []


async def test_a_member_is_found_by_its_class(space: Space):
    space.write("a.py", "class Cat:\n    def run(self):\n        pass\n")
    space.write("b.py", "class Dog:\n    def run(self):\n        pass\n")
    index = await space.built()
    [cat] = await index.symbols("Cat.run")
    assert (cat.path, cat.kind, cat.line, cat.end_line) == (
        str(space.root / "a.py"), "method", 2, 3,
    )  # fmt: skip
    assert len(await index.symbols("run")) == 2
    assert len(await index.symbols("Cow.run")) == 2
    assert [each.path for each in await index.symbols("b::run")] == [str(space.root / "b.py")]


# -- names ---------------------------------------------------------------------------------


async def test_files_are_named_by_what_was_typed(space: Space):
    for name in ("src/gate.py", "src/gate_look.py", "gate/other.py", "docs/Propagate.md", "x.txt"):
        space.write(name)
    index = await space.built()
    assert await index.files("gate") == (
        "src/gate.py", "src/gate_look.py", "gate/other.py", "docs/Propagate.md",
    )  # fmt: skip
    assert await index.files("GLook") == ("src/gate_look.py",)
    assert (await index.files("src/gate.py"))[0] == "src/gate.py"
    assert await index.files("100%") == ()
    assert await index.files("", limit=2) == ("x.txt", "src/gate.py")


async def test_only_files_that_can_be_sent_are_named(space: Space):
    space.write("note.txt")
    space.write("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(50))
    space.write("program.bin", bytes(100))
    index = await space.built()
    assert sorted(await index.files()) == ["note.txt", "picture.png"]
    assert "program.bin" in await index.tree()


async def test_the_tree_is_an_indented_list(space: Space):
    for name in ("src/app/main.py", "src/app/view.py", "src/run.py", "README.md"):
        space.write(name)
    index = await space.built()
    whole = "src/\n  app/\n    main.py\n    view.py\n  run.py\nREADME.md"
    assert await index.tree() == whole
    assert await index.tree(str(space.root / "src/app")) == "main.py\nview.py"
    assert await index.tree(depth=1) == "src/ … 3 files\nREADME.md"


async def test_a_tree_that_is_cut_gives_every_folder_its_share(space: Space):
    for folder in ("big", "small"):
        for number in range(100 if folder == "big" else 4):
            space.write(f"{folder}/f{number:03}.py")
    text = await (await space.built()).tree(max_entries=20)
    assert "  … 86 more" in text.split("\n")
    assert "  f003.py\n" in text + "\n"
    assert text.count("\n") < 25


async def test_names_that_could_steer_a_terminal_are_escaped_in_the_tree(space: Space):
    space.write("a\x1b[2Jb\n.py")
    assert "a\\x1b[2Jb\\n.py" in await (await space.built()).tree()


# -- what is excluded ----------------------------------------------------------------------


async def test_what_the_gate_excludes_is_not_in_the_index(space: Space):
    excluded = [
        ".env", "secrets/plain.py", "server.key", "node_modules/left/pad.js", ".git/config",
        ".venv/lib/x.py", "ignored/deep/er.py", "kept/local.py", "no/ai/here.py", "hid/den.py",
        "cache/made.py", "mine/own.py",
    ]  # fmt: skip
    for name in excluded:
        space.write(name, "aardvark = 1\n")
    space.write(".gitignore", "ignored/\n*.local\n")
    space.write("kept/.gitignore", "local.py\n")
    space.write("hid/.aiignore", "*\n")
    space.write("no/.noai", "")
    space.write("cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55")
    space.write("good.py", "aardvark = 1\n")
    space.privacy = type(space.privacy)(exclude=("mine/",))
    index = await space.built()
    assert space.names(await index.search("aardvark", limit=100)) == ["good.py"]
    listed = await index.files(limit=100)
    assert not set(excluded) & set(listed)
    assert not [name for name in await index.symbols("aardvark") if "good.py" not in name.path]
    tree = await index.tree()
    assert not [name for name in excluded if name.rsplit("/", 1)[-1] in tree]


async def test_a_new_setting_is_obeyed_by_the_next_search(space: Space, until: Until):
    space.write("private_notes.md", "badger\n")
    space.write("other.md", "badger\n")
    index = await space.built()
    assert len((await index.search("badger")).hits) == 2
    space.privacy = type(space.privacy)(exclude=("private*",))

    async def judged() -> bool:
        return space.names(await index.search("badger")) == ["other.md"]

    await until(judged)
    space.privacy = type(space.privacy)()

    async def back() -> bool:
        return len((await index.search("badger")).hits) == 2

    await until(back)


async def test_an_ignore_file_that_changes_is_obeyed(space: Space):
    space.write("a/one.py", "badger = 1\n")
    space.write("b/two.py", "badger = 1\n")
    index = await space.built()
    index.saved(space.write("a/.aiignore", "*.py\n"))
    assert await index.ready()
    assert space.names(await index.search("badger")) == ["b/two.py"]
    (space.root / "a/.aiignore").unlink()
    index.saved(str(space.root / "a/.aiignore"))
    assert await index.ready()
    assert len((await index.search("badger")).hits) == 2


async def test_a_hit_of_a_stale_index_is_refused_by_the_gate(space: Space):
    path = space.write("plan.py", "badger = 1\n")
    index, gate = await space.built(), space.gate()
    space.write(".aiignore", "plan.py\n")  # nobody tells the index
    [hit] = (await index.search("badger")).hits
    assert hit.path == path
    await gate.look([hit.path], 5, read=True)
    with pytest.raises(ExcludedError):
        gate.read_file(hit.path)


def _allowed(space: Space) -> set[str]:
    gate = space.gate()
    paths = [str(path) for path in space.root.rglob("*") if path.is_file()]
    return {path for path in paths if gate.admit_document(path).allowed}


async def test_what_is_walked_is_what_the_gate_allows(space: Space):
    """The walk asks by folders, the gate file by file: both must say the same."""
    space.write(".gitignore", "/build/*\n!/build/keep/\n*.log\n!keep.log\ntmp*/\n\\#odd\n**/x/y\n")
    space.write("sub/.gitignore", "*\n!*/\n!*.py\n")
    space.write("sub/deep/.aiignore", "hidden*\n")
    space.write("keys/.aiexclude", "x\n")
    for folder in ("", "build", "build/keep", "build/no", "sub", "sub/deep", "tmp1", "x", "x/y",
                   "keys", "Env", "a b", "env", "q/.aws", "#odd", "vendor"):  # fmt: skip
        for name in ("a.py", "b.txt", "keep.log", "c.log", "hidden.py", ".env.example", "id_rsa",
                     "k.PEM", "über.md", "a%2eenv"):  # fmt: skip
            space.write(f"{folder}/{name}" if folder else name, "wolf = 1\n")
    for exclude in ((), ("vendor/*", "*.txt"), ("!keys/a.py", "!Env/"), ("*", "!sub/**")):
        space.privacy = type(space.privacy)(exclude=exclude)
        index = await space.built()
        allowed = await asyncio.to_thread(_allowed, space)
        known = {str(space.root / name) for name in await index.files(limit=5_000)}
        over = known - allowed
        assert not over, exclude
        missing = {path.removeprefix(str(space.root)) for path in allowed - known}
        # Templates in folders that are excluded by default are allowed, and not looked for;
        # and a name that can be read as an excluded one is left out in any spelling.
        assert all(path.endswith((".env.example", "a%2eenv")) for path in missing), missing
        await index.aclose()


# -- roots and errors ----------------------------------------------------------------------


async def test_several_roots_are_searched_together_or_one_alone(space: Space, tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.py").write_text("marmot = 2\n")
    space.write("a.py", "marmot = 1\n")
    await asyncio.to_thread(space.roots.add, str(other))
    index = await space.built()
    assert {hit.path for hit in (await index.search("marmot")).hits} == {
        str(space.root / "a.py"), str(other / "b.py"),
    }  # fmt: skip
    [hit] = (await index.search("marmot", root=str(other))).hits
    assert hit.path == str(other / "b.py")
    assert await index.tree() == "project/\na.py\n\nother/\nb.py"
    space.roots.remove(str(other))
    assert len((await index.search("marmot")).hits) == 1
    with pytest.raises(SearchError) as raised:
        await index.search("marmot", root=str(other))
    assert raised.value.code == "unknown_root"
    assert raised.value.cure


async def test_without_a_root_there_is_nothing_to_find(space: Space):
    space.roots.remove(str(space.root))
    index = space.server()
    assert (await index.search("x")).hits == ()
    assert await index.symbols("x") == await index.files("x") == ()
    assert await index.tree() == ""
    assert index.state() == State("")


async def test_progress_is_told(space: Space):
    for number in range(300):
        space.write(f"d{number % 7}/f{number}.py", f"value_{number} = 1\n" * 20)
    index, told = space.server(), list[State]()
    end = index.on_progress(told.append)
    index.on_progress(lambda _state: 1 / 0)  # pyright: ignore[reportArgumentType] - it raises
    assert await index.ready()
    phases = list(dict.fromkeys(state.phase for state in told))
    assert phases == [Phase.WALKING, Phase.READING, Phase.READY]
    reading = [state for state in told if state.phase is Phase.READING]
    assert [state.total for state in reading] == [300] * len(reading)
    assert [state.done for state in reading] == sorted(state.done for state in reading)
    assert told[-1] == index.state() == State(str(space.root), Phase.READY, 300, 300)
    assert index.state().complete
    end()
    end()
    count = len(told)
    await index.rebuild()
    assert await index.ready()
    assert len(told) == count


async def test_what_an_unfinished_index_lacks_is_told(space: Space):
    for number in range(600):
        space.write(f"d{number % 7}/f{number}.py", f"value_{number} = 1\n" * 300)
    index, told = space.server(), list[str]()
    while not (found := await index.search("value_599", budget_s=0.05)).complete:
        told.append(found.problem)
    assert found.hits
    assert found.problem == ""
    assert told[0] == "the workspace is still being indexed"
    assert re.fullmatch(f"{told[0]}: [0-9]+ of 600 files so far", told[-1])


async def test_many_questions_at_once_are_answered(space: Space):
    for number in range(50):
        space.write(f"f{number}.py", f"def animal_{number}(): pass\n")
    index = await space.built()
    found = await asyncio.gather(*(index.search(f"animal_{number}") for number in range(50)))
    assert [space.names(each)[0] for each in found] == [f"f{number}.py" for number in range(50)]
