"""The contract between every part of Trackstream: events, topics, positions and the wire codec.

Everything here is pure data and pure functions, except `blobs` (the blob-store port and its
adapters) and `sqlite_layout` (the table layout that the SQLite log's writer and reader share).
"""
