"""What is logged while the log is away, or before it is sent, on the local disk: one spool a producer.

A spool directory holds for each producer

    ID.db               a SQLite log of the usual format, and tables of what is still to be forwarded
    ID.lock             held by the process that writes it
    ID.NNNNNN.points    under durability=spool, metric points that are not yet in the log
    ID.blobs/           large artifacts that are still to be uploaded

A copy of a spool is whole only with all of them, `ID.db-wal` included.
"""

OFFLINE = "offline:"
"""Begins a tracking URI that never connects; the directory of the spools follows."""
