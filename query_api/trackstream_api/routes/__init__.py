"""The routes of /api/v1, one module per subject: they check, ask or command, and answer."""
