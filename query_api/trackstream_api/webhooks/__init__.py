"""Signed webhooks: what happens is posted to addresses that a file names.

    log ──► reader ──► outbox (webhooks.db) ──► a sender for each webhook ──► HTTP
             payloads                │
                                     └──► dead letters: given up after the last attempt

The outbox keeps how far the log has been read together with what is to be sent, so that a process that is
killed anywhere loses nothing; what was sent last may be sent again, under the same id.
"""
