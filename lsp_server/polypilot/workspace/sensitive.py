"""Files that no proposed edit may touch, since the edit would act without the user running it.

An edit is shown as a diff before it is made, and a user may overlook something in it. In a
source, what is overlooked runs when the user runs the program. In the files named here it runs,
or takes effect, by itself: the editor opens the folder, git commits, a shell starts, a package is
installed, a CI server gets the push, an agent reads its instructions, or a program learns whom to
trust. So these are left to the user's own hand.

Makefiles, ``package.json``, build scripts, Dockerfiles, test configuration and the like are not
among them: they are a project's ordinary sources, and run when the user runs them.
"""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from polypilot.workspace.gate_aliases import Aliases
from polypilot.workspace.ignore_state import IGNORE_NAMES
from polypilot.workspace.roots import Root, fold, is_short_name, locate, readings_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_FOLDERS = {
    "version control runs what is in it": ".git .hg .svn .jj .bzr .githooks .husky .lefthook",
    "editors run what is in it": """
        .vscode .vscode-server .vscode-insiders .vscode-oss .vs .idea .fleet .zed .cursor .windsurf
        .trae .theia .helix .nvim .vim .emacs.d .obsidian .devcontainer .run""",
    "agents take instructions and tools from it": """
        .polypilot .claude .codex .gemini .copilot .continue .amazonq .kiro .roo .cline .clinerules
        .junie .augment .goose .opencode .mcp .agents""",
    "a CI server runs what is in it": """
        .github .gitlab .circleci .buildkite .forgejo .gitea .woodpecker .drone .teamcity
        .semaphore .tekton""",
    "it decides about access": ".ssh .gnupg .aws .azure .kube .docker .password-store",
    "programs run what is in it when they start": """
        .config .local .direnv .cargo .bundle .gem .m2 .mvn .gradle .yarn .npm .pnpm .ipython
        .jupyter .terraform launchagents launchdaemons""",
    "it holds installed packages": "node_modules site-packages .venv __pycache__",
}
_FILES = {
    "a CI server runs it": """
        .gitlab-ci.yml .gitlab-ci.yaml .travis.yml azure-pipelines*.yml azure-pipelines*.yaml
        bitbucket-pipelines.yml appveyor.yml .appveyor.yml jenkinsfile jenkinsfile.* .drone.yml
        .woodpecker.yml .woodpecker.yaml cloudbuild.yaml cloudbuild.yml buildspec.yml .cirrus.yml
        circle.yml .semaphore.yml""",
    "version control acts on it": """
        .pre-commit-config.yaml .pre-commit-hooks.yaml lefthook*.yml lefthook*.yaml .lefthook*.yml
        .lefthook*.yaml .overcommit.yml .huskyrc* .lintstagedrc* .gitmodules .gitconfig
        .hgrc .git-credentials .git-blame-ignore-revs""",
    "a shell or the desktop runs it": """
        .envrc mise.toml .mise.toml mise.*.toml .mise.*.toml .rtx.toml .bashrc .bash_profile
        .bash_login .bash_logout .bash_aliases .profile .zshrc .zshenv .zprofile .zlogin .zlogout
        .kshrc .cshrc .tcshrc .login .logout .inputrc .xinitrc .xprofile .xsession .xsessionrc
        .xresources .pam_environment config.fish fish_variables *profile.ps1 autorun.inf
        desktop.ini *.desktop .screenrc .tmux.conf""",
    "editors and debuggers run it": """
        .exrc .nvimrc .vimrc .gvimrc _vimrc _gvimrc .nvim.lua .lvimrc .local.vimrc .ideavimrc
        .dir-locals.el .dir-locals-2.el .emacs .spacemacs *.code-workspace *.sublime-project
        *.sublime-workspace coc-settings.json .neoconf.json .vimspector.json .ycm_extra_conf.py
        .kateproject .kateconfig .gdbinit .lldbinit .pdbrc *.iml""",
    "an interpreter runs it when it starts": """
        .irbrc .pryrc .pythonrc .pythonrc.py .pythonstartup sitecustomize.py usercustomize.py *.pth
        .rprofile .renviron .ghci .psqlrc .sqliterc .my.cnf .wgetrc .curlrc .netrc _netrc""",
    "a package manager obeys it": """
        .npmrc .yarnrc .yarnrc.yml .pnpmfile.cjs .pnpmfile.js .pnp.cjs .pnp.js .pnp.loader.mjs
        bunfig.toml .bunfig.toml pip.conf pip.ini .pypirc .condarc .gemrc nuget.config""",
    "it holds secrets that programs read": ".env .env.* *.env .dev.vars",
    "it configures Polypilot": ".polypilot.toml",
    "agents take instructions or tools from it": """
        .mcp.json mcp.json mcp_config.json agents.md agent.md agents.override.md agents.local.md
        claude.md claude.local.md gemini.md qwen.md copilot-instructions.md *.instructions.md
        *.prompt.md *.chatmode.md *.agent.md skill.md .cursorrules .windsurfrules .clinerules
        .roorules .roomodes .goosehints .rules .aider.conf.yml .aider.conf.yaml opencode.json
        .cursorignore .cursorindexingignore .aiderignore""",
    "it decides what is sent to models": " ".join(
        fold(name) for name in IGNORE_NAMES if name != ".gitignore"
    ),
}
_SHOWN = frozenset({".env.example", ".env.sample", ".env.template", ".env.dist"})
"""Files that show what to fill in, and that nothing reads."""

_FOLDER_REASONS = {name: why for why, names in _FOLDERS.items() for name in names.split()}
_FILE_REASONS = {
    name: why for why, names in _FILES.items() for name in names.split() if "*" not in name
}
_PATTERNS = tuple(
    (name, why) for why, names in _FILES.items() for name in names.split() if "*" in name
)


def refused(path: str, root: Root | None) -> str:
    """Why no edit of ``path`` may be proposed, be it to make, change, move or delete it; or "".

    ``path``: absolute, as it was asked for. ``root``: the workspace root that it is below; what
    the root itself is called does not count, since the user opened it. The path is judged as it
    is written, as other systems read it, and as its links lead. Blocks on the disk.
    """
    reason = _by_name(path, root)
    if reason:
        return reason
    try:
        real = os.path.realpath(path)
        info = os.stat(real)  # noqa: PTH116 - strings
    except FileNotFoundError:
        info = None
        real = os.path.realpath(path)
    except (OSError, ValueError):
        return "it can't be looked at"
    if root is not None and root.relative(real) is None:
        return "it leads out of the workspace"
    reason = _by_name(real, root)
    if reason or info is None:
        return reason and f"it leads to a file that is not to be edited: {reason}"
    if info.st_nlink > 1:
        top = root.real if root else os.path.dirname(real)  # noqa: PTH120 - strings
        return Aliases(lambda other: _by_name(other, root) or None).excluded(real, info, top) or ""
    return ""


def _by_name(path: str, root: Root | None) -> str:
    """By the name alone, in every reading of it."""
    place = locate(path)
    if place.path is None or place.fault:
        return place.fault or "it names no file"
    below = root.relative(place.path) if root is not None else place.path
    if below is None:
        return "it is not in the workspace"
    # The readings of what was written, for `..` behind a link, and of what it comes to.
    written = path
    for base in () if root is None else (root.path, root.real):
        if path.startswith(base + os.sep):
            written = path[len(base) + 1 :]
    return _judged((*readings_of(below), *readings_of(written)), below, written)


def _judged(readings: Iterable[tuple[str, ...]], *texts: str) -> str:
    for names in readings:
        for number, name in enumerate(names):
            reason = _component(name, last=number == len(names) - 1)
            if reason:
                return reason
    parts = [part for text in texts for part in re.split(r"[/\\]", text)]
    if any(is_short_name(part) for part in parts):
        return "its short name may stand for any file"
    # `..` takes a folder's name back; what stands before it still says where a link would lead.
    folders = [fold(part.rstrip(". ")) for part in parts if part not in {".", ".."}]
    return next((_FOLDER_REASONS[part] for part in folders if part in _FOLDER_REASONS), "")


def _component(name: str, *, last: bool) -> str:
    if name in _FOLDER_REASONS:
        return _FOLDER_REASONS[name]
    if not last or name in _SHOWN:
        return ""
    found = _FILE_REASONS.get(name)
    return found or next((why for each, why in _PATTERNS if fnmatchcase(name, each)), "")
