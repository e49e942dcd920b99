"""No edit is proposed of a file that acts without the user running it, however it is called."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from polypilot.workspace.roots import Root, Roots
from polypilot.workspace.sensitive import refused

SENSITIVE = (
    ".vscode/settings.json", ".vscode/tasks.json", ".idea/workspace.xml", ".zed/settings.json",
    ".cursor/mcp.json", ".git/config", ".git/hooks/pre-commit", ".git", "sub/.git/config",
    ".github/workflows/ci.yml", ".gitlab-ci.yml", ".circleci/config.yml", "Jenkinsfile",
    "azure-pipelines.yml", ".husky/pre-push", ".pre-commit-config.yaml", ".gitmodules",
    ".devcontainer/devcontainer.json", ".envrc", ".env", ".env.local", "prod.env", "mise.toml",
    ".bashrc", ".zshenv", ".profile", ".config/fish/config.fish", ".ssh/authorized_keys",
    ".polypilot.toml", ".polypilot/commands/x.md", ".exrc", ".nvimrc", ".nvim.lua", ".vimrc",
    ".dir-locals.el",
    "x.code-workspace", ".npmrc", ".yarnrc.yml", ".pnp.cjs", ".yarn/releases/yarn.cjs",
    "pip.conf", ".cargo/config.toml", ".mvn/jvm.config", "sitecustomize.py", "x.pth", ".gdbinit",
    "mcp.json", ".mcp.json", "AGENTS.md", "sub/CLAUDE.md", ".cursorrules", ".aiignore", ".noai",
    ".claude/settings.json", "node_modules/x/index.js", "x.desktop",
)  # fmt: skip
ORDINARY = (
    "src/main.py", "Makefile", "package.json", "pyproject.toml", "Dockerfile", "conftest.py",
    "src/env.py", "environment.ts", "git/config.py", "vscode/settings.json", "README.md",
    ".gitignore", ".env.example", "docs/agents.rst", "src/profile.py", "src/startup/main.go",
    "a.b.c.txt", "x~1y.txt", ".eslintrc.json", ".editorconfig", "src/rules/x.py",
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "w").mkdir()
    (found,) = Roots([str(tmp_path / "w")])
    return found


def _variants(name: str) -> set[str]:
    folder, slash, last = name.rpartition("/")
    made = {
        name,
        name.upper(),
        name.swapcase(),
        name.title(),
        f"{name}.",
        f"{name} ",
        f"{name}. .",
        f"{name}::$DATA",
        f"./{name}",
        f"src/../{name}",
        f"src//{name}",
        f"deep/er/{name}",
        name.replace("/", "\\"),
        f"{folder}{slash}\u200b{last}",
        f"{folder}{slash}{last[:1]}\ufeff{last[1:]}",
        unicodedata.normalize("NFD", name),
        name.replace("s", "\u017f", 1),
        name.replace("k", "\u212a", 1),
    }
    if slash:
        made.add(f"{folder}./{last}")
        made.add(f"{folder} {slash}{last}")
        made.add(f"{name}/../{last}")
    return made


@pytest.mark.parametrize("name", SENSITIVE)
def test_no_spelling_is_offered_be_it_there_or_not(root: Root, name: str):
    for there in (False, True):  # to make a file; to change, move or delete one
        for variant in _variants(name):
            assert refused(f"{root.path}/{variant}", root), (variant, there)
            assert refused(f"{root.path}/{variant}", None), (variant, there)
        path = Path(root.path, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x", encoding="utf-8")


@pytest.mark.parametrize("name", ORDINARY)
def test_sources_are_not_refused(root: Root, name: str):
    path = Path(root.path, name)
    assert refused(str(path), root) == ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x", encoding="utf-8")
    assert refused(str(path), root) == ""


@pytest.mark.parametrize("name", ["GIT~1/config", "src/ENVRC~1", "VSCODE~1\\settings.json"])
def test_short_names_are_refused(root: Root, name: str):
    assert "short name" in refused(f"{root.path}/{name}", root)


@pytest.mark.parametrize("target", [".git/hooks/pre-commit", ".envrc", ".vscode/settings.json"])
def test_links_are_followed(root: Root, target: str):
    path = Path(root.path, target)
    path.parent.mkdir(parents=True, exist_ok=True)
    link = Path(root.path, "innocent.txt")
    link.symlink_to(path)
    assert refused(str(link), root)  # what it leads to does not exist yet
    path.write_text("x", encoding="utf-8")
    assert "leads to" in refused(str(link), root)
    folder = Path(root.path, "folder")
    folder.symlink_to(path.parent)
    assert refused(f"{folder}/pre-commit", root) or target == ".envrc"
    assert refused(f"{root.path}/folder/../{target}", root)


def test_hard_links_are_recognised(root: Root):
    hook = Path(root.path, ".git", "hooks", "pre-commit")
    hook.parent.mkdir(parents=True)
    hook.write_text("x", encoding="utf-8")
    os.link(hook, Path(root.path, "innocent.sh"))
    assert "another name" in refused(f"{root.path}/innocent.sh", root)


def test_nothing_outside_the_root(root: Root):
    outside = Path(root.path).parent / "x.txt"
    outside.write_text("x", encoding="utf-8")
    assert refused(str(outside), root)
    assert refused(f"{root.path}/../x.txt", root)
    Path(root.path, "link.txt").symlink_to(outside)
    assert refused(f"{root.path}/link.txt", root) == "it leads out of the workspace"
    assert refused(f"{root.path}/\0", root)
    assert refused("/dev/null", None)
    assert refused("relative.txt", None)


def test_a_link_that_leads_to_itself(root: Root):
    Path(root.path, "loop").symlink_to("loop")
    assert refused(f"{root.path}/loop/x", root)


def test_what_the_root_itself_is_called_does_not_count(tmp_path: Path):
    folder = tmp_path / ".config" / "app"
    folder.mkdir(parents=True)
    (root,) = Roots([str(folder)])
    assert refused(f"{folder}/main.py", root) == ""
    assert refused(f"{folder}/.envrc", root)
