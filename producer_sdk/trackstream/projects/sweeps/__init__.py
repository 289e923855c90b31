"""Searches for parameters: trials of a project, each a launch, chosen from what those before have found."""
