"""How each aggregate stands in the analytical store: its fold, its rows, what is derived from it."""
