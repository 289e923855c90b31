"""Trackstream's producer SDK: `import trackstream`."""
