"""What VS Code's chat offers behind `@polypilot` is what the server has."""

from __future__ import annotations

import json
from pathlib import Path

from polypilot_prompts.commands import BUILTINS

PACKAGE = Path(__file__).parents[3] / "editors" / "vscode" / "package.json"


def test_the_participant_offers_the_servers_commands() -> None:
    package = json.loads(PACKAGE.read_text("utf-8"))
    (participant,) = package["contributes"]["chatParticipants"]
    offered = {each["name"]: each["description"] for each in participant["commands"]}
    assert offered == {name: each.description for name, each in BUILTINS.items()}
