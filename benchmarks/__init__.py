"""Benchmarks: each pairs us with a peer in one run and reports medians with spread.

`python -m benchmarks` runs all of them, `python -m benchmarks log_metric replay` some. Results are
written as JSON, plots, and one table to benchmarks/results; `--quick` tries the cases and writes nothing.
"""
