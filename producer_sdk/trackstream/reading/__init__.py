"""Answers of a store as tables: runs as a dataframe, points of metrics as Arrow."""

from __future__ import annotations

from trackstream.reading.points import metric_history
from trackstream.reading.runs import search_runs

__all__ = ["metric_history", "search_runs"]
