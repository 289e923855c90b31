"""Projectors: from decoded records to rows and blobs. One port (`Projector`), a projector a module."""
