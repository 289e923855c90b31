"""Where projects come from: directories, git, archives, what a queue carries; and files that params name."""
