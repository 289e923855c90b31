"""The log's reader side: one port (`LogReader`), an adapter a module."""
