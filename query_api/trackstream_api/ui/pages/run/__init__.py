"""The page of one run: a module for each tab, and for each part of its overview."""
