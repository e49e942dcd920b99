"""The real Helix with the configuration that `polypilot setup helix` writes, and nothing else."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from terminal_peer import poll
from terminal_screen import Terminal

from polypilot.setup.editors_helix import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PATIENCE_S = 60.0
MODEL_S = 150.0
OWN = """\
# mine
[[language]]
name = "python"
indent = { tab-width = 8, unit = "\\t" } # wide
"""
SCRIPTED = """
[completion]
enabled = false
[chat]
provider = "team"
model = "talker"
[providers.team]
wire = "openai-chat"
base_url = "{url}/v1"
auth = "none"
"""
EMBEDDED = """
[chat]
provider = "embedded"
[completion]
provider = "embedded"
[embedded]
model = "smollm2-135m"
model_file = "{file}"
threads = 1
idle_minutes = 1
"""


@pytest.fixture
def helix(helix_program: Path, user: Any) -> Iterator[Callable[..., Terminal]]:
    """Sets Helix up and starts it in a terminal."""
    started: list[Terminal] = []
    languages = user.config / "helix" / "languages.toml"
    languages.parent.mkdir(parents=True)
    languages.write_text(OWN, encoding="utf-8")
    (languages.parent / "config.toml").write_text(
        "[editor]\nend-of-line-diagnostics = 'hint'\ncompletion-timeout = 5\n", encoding="utf-8"
    )

    def start(settings: str, file: str, text: str) -> Terminal:
        user.settings(settings)
        user.setup("helix", "--yes", path=helix_program.parent)
        (user.work / file).write_text(text, encoding="utf-8")
        command = [str(helix_program), "-v", str(user.work / file)]
        terminal = Terminal(user.folder / "tmux", command, user.env, (100, 30))
        started.append(terminal)
        terminal.wait_screen(file)
        return terminal

    yield start
    for each in started:
        each.close()
    user.setup("helix", "--undo", "--yes", path=helix_program.parent)
    assert languages.read_text("utf-8") == OWN


@pytest.mark.feature("helix", "installed by setup")
def test_helix_has_our_server_beside_its_own(helix_program: Path, user: Any) -> None:
    """What Helix says of its languages is what it said before, and us."""

    def servers(language: str) -> list[str]:
        done = subprocess.run(
            [str(helix_program), "--health", language],
            env={**user.env, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            encoding="utf-8",
        )
        _, _, rest = done.stdout.partition("Configured language servers:")
        rows = rest.partition("Configured debug")[0].splitlines()
        return [row.split("m ", 1)[-1].split(":")[0].strip() for row in rows if row.strip()]

    before = {name: servers(name) for name in DEFAULTS}
    assert before == {name: list(known) for name, known in DEFAULTS.items()}
    user.setup("helix", "--yes", path=helix_program.parent)
    assert {name: servers(name) for name in DEFAULTS} == {
        name: [*known, "polypilot"] for name, known in before.items()
    }
    assert "nothing to change" in user.setup("helix", "--yes", path=helix_program.parent)


@pytest.mark.feature("helix", "code actions")
def test_a_code_action_is_answered(
    helix: Callable[..., Terminal], user: Any, said: Callable[..., list[Any]], model: Any
) -> None:
    """Asked for with a selection, and undone by one key."""
    model.play(said("```python\ndef add(a, b):\n\treturn a + b\n```"))
    terminal = helix(SCRIPTED.format(url=model.url), "code.py", "def add(a, b):\n\treturn a - b\n")
    _act(terminal, "Polypilot: document")
    terminal.wait_screen("return a + b", PATIENCE_S)
    terminal.shot("helix-action")
    terminal.type_text("u")
    terminal.wait_screen("return a - b")
    terminal.type_text("U:w")
    terminal.keys("Enter")
    written = user.work / "code.py"
    poll(lambda: "\treturn a + b" in _content(written), "the file", PATIENCE_S)


def _content(file: Path) -> str:
    """What a file holds; nothing while Helix writes it, which moves the old one aside first."""
    try:
        return file.read_text("utf-8")
    except FileNotFoundError:
        return ""


def _act(terminal: Terminal, title: str) -> None:
    """Opens the menu of code actions until the server, which may be starting, has ours in it."""

    def titles() -> list[str]:
        rows = terminal.screen()
        return [row[row.index("Polypilot: ") :].strip() for row in rows if "Polypilot: " in row]

    def shown() -> bool:
        terminal.type_text(" a")
        try:
            poll(titles, "the menu", 2.0)
        except pytest.fail.Exception:
            terminal.keys("Escape")
            return False
        return True

    poll(shown, lambda: "the code actions; there is\n" + "\n".join(terminal.screen()), PATIENCE_S)
    terminal.shot("helix-actions")
    for _ in range(titles().index(title)):  # the first is chosen already
        terminal.keys("C-n")
    terminal.keys("Enter")


def test_an_explanation_opens_as_a_file(
    helix: Callable[..., Terminal], said: Callable[..., list[Any]], model: Any
) -> None:
    model.play(said("It ", "subtracts."))
    terminal = helix(SCRIPTED.format(url=model.url), "code.py", "def add(a, b):\n\treturn a - b\n")
    _act(terminal, "Polypilot: explain")
    terminal.wait_screen("It subtracts.", PATIENCE_S)
    terminal.shot("helix-explained")


@pytest.mark.feature("helix", "chat in a Markdown file")
def test_a_markdown_file_is_a_conversation(
    helix: Callable[..., Terminal], user: Any, said: Callable[..., list[Any]], model: Any
) -> None:
    model.play(said("Because ", "it must."))
    terminal = helix(SCRIPTED.format(url=model.url), "chat.md", "## You\n\nWhy?\n")
    terminal.type_text("3G")
    _act(terminal, "Polypilot: answer here")
    terminal.wait_screen("Because it must.", PATIENCE_S)
    poll(lambda: "\n".join(terminal.screen()).count("## You") == 2, "the next question")
    terminal.type_text(":w")
    terminal.keys("Enter")
    said_so = "## You\n\nWhy?\n\n## Polypilot\n\nBecause it must.\n\n## You\n"
    file = user.work / "chat.md"
    poll(lambda: _content(file).startswith(said_so), "the file", PATIENCE_S)


@pytest.mark.feature("helix", "completion menu", "embedded model")
def test_a_completion_of_the_embedded_model_is_in_the_menu(
    helix: Callable[..., Terminal], smollm2: Path
) -> None:
    """What so small a model says is not judged: it is in the menu, named ours, and is taken."""
    text = "def add(a, b):\n    return a + b\n\n\ndef subtract(a, b):\n    return\n"
    terminal = helix(EMBEDDED.format(file=smollm2), "code.py", text)
    terminal.type_text("6GA a")
    terminal.wait_screen("return a", MODEL_S)

    def in_menu() -> list[str]:
        rows = [row.rsplit(None, 1) for row in terminal.screen()]
        return [row[0].split("~")[-1].strip() for row in rows if row[1:] == ["text"]]

    def offered() -> bool:
        # Asks anew, which an open menu (Helix's own words) would not; the model may be loading.
        terminal.keys("Escape")
        terminal.wait_screen(" NOR ")  # Escape and a letter at once would be another key
        terminal.type_text("A")
        terminal.keys("C-x")
        try:
            poll(in_menu, "the menu", 15.0)
        except pytest.fail.Exception:
            return False
        return True

    poll(offered, lambda: "the menu; there is\n" + "\n".join(terminal.screen()), MODEL_S)
    label = in_menu()[0].rstrip("…")
    terminal.keys("Tab")
    terminal.wait_screen("Polypilot: ")
    terminal.shot("helix-completion")
    terminal.keys("Enter")
    line = poll(lambda: [row for row in terminal.screen() if "return a" in row][1:], "the line")
    assert label in line[0]
    assert not in_menu()
