"""Pure folds, a module per aggregate: `fold(state | None, event, at) -> state`, without I/O."""
