"""What a check of `trackstream doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Check:
    """One row of doctor's report."""

    name: str
    result: Literal["ok", "warn", "fail"]
    detail: str
