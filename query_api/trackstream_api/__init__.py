"""Trackstream's query API and command line."""
