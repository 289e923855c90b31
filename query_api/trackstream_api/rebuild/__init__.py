"""Replays and comparisons of the tables as jobs of the API and the command line."""
