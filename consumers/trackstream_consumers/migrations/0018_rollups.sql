-- Charts read a row for some 64 points and not the points. Which points are in such rows says `rolled`; those
-- of stores from before are in none, until `trackstream replay` makes the tables anew.

ALTER TABLE metric_points
    ADD COLUMN IF NOT EXISTS rolled UInt8 COMMENT 'It is in rows of metric_rollups of width 2^rolled steps; 0: in none' CODEC(ZSTD(1));

ALTER TABLE metric_points ADD INDEX IF NOT EXISTS by_rolled rolled TYPE minmax GRANULARITY 1;

CREATE TABLE IF NOT EXISTS metric_rollups
(
    run_id String COMMENT 'The run' CODEC(ZSTD(1)),
    key LowCardinality(String) COMMENT 'Metric name',
    width UInt8 COMMENT 'All its points are between two neighbouring multiples of 2^width; 0: it has none, the run is not to be read from here' CODEC(ZSTD(1)),
    first_step Int64 COMMENT 'Least step' CODEC(DoubleDelta, ZSTD(1)),
    last_step Int64 COMMENT 'Greatest step' CODEC(DoubleDelta, ZSTD(1)),
    last_timestamp Int64 COMMENT 'Milliseconds since the epoch of the last point' CODEC(DoubleDelta, ZSTD(1)),
    last_value Float64 COMMENT 'Value at the highest (step, timestamp); among equals the greatest value, NaN last' CODEC(ZSTD(1)),
    points UInt32 COMMENT 'Points' CODEC(ZSTD(1)),
    numbers UInt32 COMMENT 'Points whose value is not NaN' CODEC(ZSTD(1)),
    low Float64 COMMENT 'Least of them; 0 where there is none' CODEC(ZSTD(1)),
    high Float64 COMMENT 'Greatest of them; 0 where there is none' CODEC(ZSTD(1)),
    total Float64 COMMENT 'Their sum' CODEC(ZSTD(1)),
    rolled UInt8 COMMENT 'Its points are in a row of width 2^rolled as well; 0: in none' CODEC(ZSTD(1)),
    writer LowCardinality(String) COMMENT 'Rank or process that measured; empty for a run with one writer',
    producer_id LowCardinality(String) COMMENT 'Process that appended the points',
    sequence UInt64 COMMENT 'The producer''s count of the event that carried the points' CODEC(DoubleDelta, ZSTD(1)),
    point UInt32 COMMENT 'Index in that event of the first of them' CODEC(DoubleDelta, ZSTD(1)),
    partition UInt16 COMMENT 'Log partition' CODEC(ZSTD(1)),
    earliness UInt64 COMMENT 'Complement of the log offset: of several appends the first has most' CODEC(ZSTD(1)),
    offset UInt64 ALIAS bitNot(earliness) COMMENT 'Log offset of the event that carried the points',
    INDEX by_rolled rolled TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(earliness)
PRIMARY KEY (run_id, key, width, first_step)
ORDER BY (run_id, key, width, first_step, producer_id, sequence, point)
SETTINGS index_granularity = 1024
COMMENT 'Stretches of metric points of one event, each as one row';

-- An event of such a run may be appended again: its points, whose first appends stand, would be counted twice.
INSERT INTO metric_rollups (run_id, partition, earliness)
SELECT run_id, any(partition), max(earliness) FROM metric_points GROUP BY run_id;
