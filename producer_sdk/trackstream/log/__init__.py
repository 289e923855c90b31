"""The log's writer side: one port (`LogWriter`), an adapter a module."""
