"""Where the tests of a source file are, by the usual names of its language."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def candidates(relative: str) -> Iterator[str]:
    """Paths at which the tests may be, relative to the root, the likeliest first.

    ``relative``: of the source file, with forward slashes. None for a file that is a test.
    """
    path = PurePosixPath(relative)
    stem, suffix, folder = path.stem, path.suffix, path.parent
    if suffix == ".py":
        if not stem.startswith("test_") and not stem.endswith("_test"):
            yield from _mirrored(folder, (f"test_{stem}.py", f"{stem}_test.py"), ("tests", "test"))
    elif suffix == ".go":
        if not stem.endswith("_test"):
            yield str(folder / f"{stem}_test.go")
    elif suffix in {".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts"}:
        if not stem.endswith((".test", ".spec")):
            names = (f"{stem}.test{suffix}", f"{stem}.spec{suffix}")
            yield from _mirrored(folder, names, ("__tests__", "test", "tests"))
    elif suffix == ".rb":
        if not stem.endswith(("_spec", "_test")):
            yield from _mirrored(folder, (f"{stem}_spec.rb",), ("spec",))
            yield from _mirrored(folder, (f"{stem}_test.rb",), ("test",))
    elif suffix in {".java", ".kt"} and not stem.endswith("Test"):
        parts = ["test" if part == "main" else part for part in folder.parts]
        yield str(PurePosixPath(*parts, f"{stem}Test{suffix}"))


def _mirrored(
    folder: PurePosixPath, names: tuple[str, ...], roots: tuple[str, ...]
) -> Iterator[str]:
    """Beside the file, in a folder of tests beside it, and in the root's mirror of its folder."""
    for name in names:
        yield str(folder / name)
        for root in roots:
            yield str(folder / root / name)
    for root in roots:
        for cut in range(len(folder.parts) + 1):
            below = PurePosixPath(*folder.parts[cut:])
            for name in names:
                yield str(PurePosixPath(root) / below / name)


def existing(root: Path, relative: str) -> str:
    """The first of them that exists, relative to the root; empty: none. Blocks."""
    for each in candidates(relative):
        if (root / each).is_file():
            return each
    return ""
