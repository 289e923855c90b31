"""What the store held at an earlier moment, found from its events."""
