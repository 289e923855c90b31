"""From the log to the projections: log readers, pure folds, projectors, ClickHouse tables, replay."""
