"""An editor is told how far the index of a big workspace is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from lsprotocol import types

from polypilot.lsp.features.indexing import Indexing
from polypilot.workspace.index import State
from polypilot.workspace.index.values import Phase

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.lsp.server import PolypilotServer


class Editor:
    """What of a server the progress needs; keeps what is sent."""

    def __init__(self, *, shows: bool) -> None:
        self.client_capabilities = SimpleNamespace(
            window=types.WindowClientCapabilities(work_done_progress=shows)
        )
        self.sent: list[Any] = []

    def window_work_done_progress_create(self, params: types.WorkDoneProgressCreateParams) -> None:
        self.sent.append(params.token)

    def progress(self, params: types.ProgressParams) -> None:
        self.sent.append((params.token, params.value))


def told(states: list[State], *, shows: bool = True) -> list[Any]:
    editor = Editor(shows=shows)
    indexing = Indexing(cast("PolypilotServer[Backend]", editor))
    for state in states:
        indexing.state(state)
    return editor.sent


READING = [State("/home/me/big", Phase.READING, done, 10_000) for done in (0, 5_000, 5_001, 9_999)]


def test_a_big_one_is_shown_from_begin_to_end():
    sent = told([*READING, State("/home/me/big", Phase.READY, 10_000, 10_000)])
    token = sent[0]
    assert [each[0] for each in sent[1:]] == [token] * (len(sent) - 1)
    values = [each[1] for each in sent[1:]]
    assert values[0].title == "Polypilot: indexing big"
    assert [each.percentage for each in values[1:-1]] == [50, 99], "once for each percent"
    assert values[-1].kind == "end"


def test_each_building_has_a_token_of_its_own():
    ready = State("/home/me/big", Phase.READY, 10_000, 10_000)
    sent = told([*READING, ready, *READING, ready])
    assert len({each for each in sent if isinstance(each, str)}) == 2


@pytest.mark.parametrize("shows", [True, False])
def test_a_small_one_or_an_editor_that_shows_nothing_is_not_bothered(*, shows: bool):
    small = [State("/a", Phase.READING, 1, 100), State("/a", Phase.READY, 100, 100)]
    assert told(small if shows else READING, shows=shows) == []


def test_trouble_is_said_at_the_end():
    sent = told([*READING[:1], State("/home/me/big", Phase.FAILED, 3, 10_000, "the disk is full")])
    assert sent[-1][1].message == "the disk is full"
