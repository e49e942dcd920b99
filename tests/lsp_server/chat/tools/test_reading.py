"""What a model may read of a workspace, and what it may not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from tools_support import KEY, Shop

from polypilot.errors import UserError
from polypilot.workspace.gate_outgoing import Outgoing
from polypilot.workspace.roots import Roots
from polypilot_prompts.budget import estimate

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_file_is_read_with_its_lines_numbers(shop: Shop):
    shop.write("src/a.py", "import os\n\nx = 1\n")
    result = await shop.call("read_file", path="src/a.py")
    assert result.text.text == "1\timport os\n2\t\n3\tx = 1\n"
    assert type(result.text) is Outgoing
    assert [(place.path, place.line) for place in result.locations] == [
        (str(shop.root / "src/a.py"), 1)
    ]
    assert shop.gate.still_allowed(result.text)


async def test_an_absolute_path_below_the_root_will_do(shop: Shop):
    path = shop.write("a.py")
    assert await shop.text("read_file", path=str(path)) == "1\tx = 1\n"


async def test_unsaved_text_wins(shop: Shop):
    shop.write("a.py", "on disk\n")
    shop.open("a.py", "in the editor\nsecond")
    assert await shop.text("read_file", path="a.py") == "1\tin the editor\n2\tsecond\n"


async def test_a_range_of_lines(shop: Shop):
    shop.write("a.py", "".join(f"line {n}\n" for n in range(1, 11)))
    assert await shop.text("read_file", path="a.py", first_line=4, last_line=5) == (
        "4\tline 4\n5\tline 5\n(the file has 10 lines)\n"
    )
    assert (await shop.text("read_file", path="a.py", first_line=10)) == "10\tline 10\n"
    with pytest.raises(UserError, match="10 lines"):
        await shop.call("read_file", path="a.py", first_line=11)
    with pytest.raises(UserError, match="before first_line"):
        await shop.call("read_file", path="a.py", first_line=3, last_line=2)


async def test_lines_are_counted_as_an_editor_counts_them(shop: Shop):
    shop.write("a.txt", "a\r\nb\rc\x0cd\u2028e\n")
    assert await shop.text("read_file", path="a.txt") == "1\ta\n2\tb\n3\tc\x0cd\u2028e\n"


async def test_an_empty_file_is_said_to_be_empty(shop: Shop):
    shop.write("a.py", "")
    assert await shop.text("read_file", path="a.py") == "(the file is empty)\n"


async def test_a_long_file_is_cut_and_says_how_to_go_on(tmp_path: Path, roots: Roots):
    shop = Shop(tmp_path / "w", roots, max_tokens=500)
    shop.write("a.py", "".join(f"line {n}\n" for n in range(1, 1001)))
    seen: list[str] = []
    first = 1
    while first <= 1000:
        text = await shop.text("read_file", path="a.py", first_line=first)
        assert estimate(text) <= 600
        *lines, note = text.splitlines()
        if not note.startswith("…"):
            lines.append(note)
        seen += [line.partition("\t")[2] for line in lines]
        assert lines[0].startswith(f"{first}\t")
        first += len(lines)
        if note.startswith("…"):
            left = "1 more line" if first == 1000 else f"{1001 - first:,} more lines"
            assert note == f"… {left}, ask with first_line {first}"
    assert seen == [f"line {n}" for n in range(1, 1001)]
    await shop.box.aclose()


async def test_a_very_long_line_is_cut(shop: Shop):
    shop.write("a.js", "x" * 50_000 + "\nnext\n")
    text = await shop.text("read_file", path="a.js")
    assert text == f"1\t{'x' * 1000}… (49,000 more characters)\n2\tnext\n"


async def test_a_secret_in_a_file_is_hidden_and_said(shop: Shop):
    shop.write("a.py", f'first = 1\nkey = "{KEY}"\n')
    result = await shop.call("read_file", path="a.py")
    assert KEY not in result.text.text
    assert "first = 1" in result.text.text
    assert "secrets in it are hidden" in result.text.text
    assert result.text.redactions == 1


@pytest.mark.parametrize("first", [1, 2, 3])
async def test_a_secret_over_several_lines_is_hidden_however_it_is_cut(shop: Shop, first: int):
    label = "RSA PRIVATE" + " KEY"
    body = "\n".join("MIIEpAIBAAKCAQEA" + "q8Zt" * 12 for _ in range(12))
    shop.write("a.txt", f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    text = await shop.text("read_file", path="a.txt", first_line=first)
    assert "q8Zt" not in text


EXCLUDED = [".env", "keys/a.py", "secret.pem", "built/out.js", "private.txt"]


@pytest.fixture
def guarded(shop: Shop) -> Shop:
    """A workspace with files that are not to be known."""
    shop.write(".gitignore", "built/\n")
    shop.write(".aiignore", "private.txt\n")
    for name in EXCLUDED:
        shop.write(name, "canary = 'seen'\n")
    shop.write("src/seen.py", "canary = 'allowed'\n")
    return shop


@pytest.mark.parametrize("name", EXCLUDED)
async def test_excluded_files_are_refused_with_the_reason(guarded: Shop, name: str):
    for tool in ("read_file", "symbols", "diagnostics"):
        with pytest.raises(UserError, match="exclude") as caught:
            await guarded.call(tool, path=name)
        assert "seen" not in caught.value.message
    with pytest.raises(UserError, match="excluded"):
        await guarded.call("grep", path=name, pattern="canary")


async def test_excluded_names_are_never_listed(guarded: Shop):
    texts = [
        await guarded.text("list_directory"),
        await guarded.text("find_files", pattern="**"),
        await guarded.text("grep", pattern="canary"),
        await guarded.text("search", words="canary seen"),
        await guarded.text("symbols", name="canary"),
    ]
    for name in EXCLUDED:
        for text in texts:
            assert name.split("/")[0] not in text
    assert texts[0] == (
        ".aiignore\n.gitignore\nsrc/\n(5 left out: ignored files, and those that are never sent)\n"
    )
    assert texts[1] == ".aiignore\n.gitignore\nsrc/seen.py\n"
    assert all("seen.py" in text for text in texts[1:4])


async def test_a_folder_that_is_excluded_can_t_be_listed(guarded: Shop):
    for name in ("built", "keys", "built/", "./keys/../keys"):
        with pytest.raises(UserError, match="excluded"):
            await guarded.call("list_directory", path=name)
        with pytest.raises(UserError, match="excluded"):
            await guarded.call("find_files", pattern="*", path=name)


def _outside(tmp_path: Path) -> list[str]:
    return [
        "../outside.txt",
        "src/../../outside.txt",
        str(tmp_path / "outside.txt"),
        f"{tmp_path}/w/../outside.txt",
        "/etc/passwd",
        "//etc/passwd",
        "/dev/stdin",
        "/proc/self/environ",
        "file:///etc/passwd",
        f"file://{tmp_path}/w/a.py",
        "https://example.com/a.py",
        "\\\\server\\share\\a.txt",
        "//server/share/a.txt",
        "\\\\.\\C:\\a.txt",
        "~/.ssh/id_rsa",
        "~root/a",
        "a.py\0.txt",
        "a\n.py",
        "out.txt",
        "away/outside.txt",
        "away",
        "w" * 5000,
    ]


async def test_nothing_outside_of_the_workspace_is_read_or_named(shop: Shop, tmp_path: Path):
    (tmp_path / "outside.txt").write_text("canary outside\n")
    shop.write("a.py")
    (shop.root / "out.txt").symlink_to(tmp_path / "outside.txt")
    (shop.root / "away").symlink_to(tmp_path, target_is_directory=True)
    for path in _outside(tmp_path):
        for tool, more in (
            ("read_file", {}),
            ("list_directory", {}),
            ("find_files", {"pattern": "*"}),
            ("grep", {"pattern": "canary"}),
            ("symbols", {}),
        ):
            with pytest.raises(UserError) as caught:
                await shop.call(tool, path=path, **more)
            assert "canary" not in caught.value.message, path
    assert await shop.text("list_directory") == (
        "a.py\n(1 left out: ignored files, and those that are never sent)\n"
    )
    assert "Nothing" in await shop.text("grep", pattern="canary")


async def test_a_hard_link_to_an_excluded_file_is_refused(guarded: Shop):
    os.link(guarded.root / ".env", guarded.root / "plain.txt")
    with pytest.raises(UserError):
        await guarded.call("read_file", path="plain.txt")


async def test_pipes_and_binary_files_are_refused(shop: Shop):
    os.mkfifo(shop.root / "pipe")
    shop.write("a.bin", b"\0\1\2" * 100)
    for name in ("pipe", "a.bin"):
        with pytest.raises(UserError):
            await shop.call("read_file", path=name)
    assert "Nothing" in await shop.text("grep", pattern="x")


async def test_without_a_folder_there_is_nothing_to_read(tmp_path: Path):
    shop = Shop(tmp_path, Roots())
    tool = await shop.tool("read_file")
    context = shop.context()
    with pytest.raises(UserError, match="workspace folder"):
        await tool.run({"path": "a.py"}, context)
    with pytest.raises(UserError, match="workspace folder"):
        await tool.run({"path": str(tmp_path / "a.py")}, context)
    await shop.box.aclose()


@pytest.fixture
def two_roots(tmp_path: Path) -> Roots:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text(f"{name}\n")
    return Roots([str(tmp_path / "one"), str(tmp_path / "two")])


async def test_a_relative_path_counts_from_the_conversation_s_root(
    tmp_path: Path, two_roots: Roots
):
    shop = Shop(tmp_path / "one", two_roots)
    tool = await shop.tool("read_file")
    result = await tool.run({"path": "a.py"}, shop.context(tmp_path / "two"))
    assert result.text.text == "1\ttwo\n"
    result = await tool.run({"path": str(tmp_path / "one/a.py")}, shop.context(tmp_path / "two"))
    assert result.text.text == "1\tone\n"
    with pytest.raises(UserError):
        await tool.run({"path": "../../x"}, shop.context(tmp_path / "two"))
    await shop.box.aclose()
