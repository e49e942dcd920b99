"""ASSUMPTIONS on GPUs that nobody measured here, for the simulation alone.

From two figures of a GPU's data sheet and the size of a model: a step reads all weights once, at
70 % of the memory's bandwidth, and 0.1 ms more for every answer that is written in it; prompts are
read at 40 % of the arithmetic rate, at two operations a weight and token. Real servers are
slower or faster than that; measure yours with ``bench/team.py`` before you count on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from team_model import Speed

_WEIGHTS = 7.6e9
"""Of Qwen2.5-Coder-7B."""
_BYTES = 2
"""Of a weight, in bfloat16."""
_BANDWIDTH_USED = 0.7
_OPERATIONS_USED = 0.4
_EACH = 0.0001
"""Seconds a step and answer."""
_LAG = 0.02
"""Seconds over the company's network and the proxy."""
_TOGETHER = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Gpu:
    """What the data sheet says."""

    name: str
    bandwidth: float
    """Bytes a second."""
    operations: float
    """A second, in bfloat16, dense."""

    def speed(self) -> Speed:
        """Of vLLM on it, as assumed."""
        step = _WEIGHTS * _BYTES / (self.bandwidth * _BANDWIDTH_USED)
        return Speed(
            slots=_TOGETHER[-1],
            read=self.operations * _OPERATIONS_USED / (2 * _WEIGHTS),
            written={each: each / (step + each * _EACH) for each in _TOGETHER},
            batch=2048,
            lag=_LAG,
            source=f"assumed from the data sheet of {self.name}; not measured",
        )


GPUS = (
    Gpu("L40S", 864e9, 362e12),
    Gpu("H100 SXM", 3350e9, 989e12),
)
