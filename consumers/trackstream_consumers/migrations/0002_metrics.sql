-- Metric points. A point is identified by (producer_id, sequence, point): the whole sorting key, so that a
-- point which is inserted again, for whatever reason, is still read once (FINAL). Of its appends the first stands.

CREATE TABLE IF NOT EXISTS metric_points
(
    run_id String COMMENT 'The run' CODEC(ZSTD(1)),
    key LowCardinality(String) COMMENT 'Metric name',
    step Int64 COMMENT 'Step' CODEC(DoubleDelta, ZSTD(1)),
    timestamp Int64 COMMENT 'Milliseconds since the epoch, the trainer''s clock' CODEC(DoubleDelta, ZSTD(1)),
    value Float64 COMMENT 'Value, bit for bit' CODEC(ZSTD(1)),
    writer LowCardinality(String) COMMENT 'Rank or process that measured; empty for a run with one writer',
    producer_id LowCardinality(String) COMMENT 'Process that appended the point',
    sequence UInt64 COMMENT 'The producer''s count of the event that carried the point' CODEC(DoubleDelta, ZSTD(1)),
    point UInt32 COMMENT 'Index of the point in that event' CODEC(DoubleDelta, ZSTD(1)),
    partition UInt16 COMMENT 'Log partition' CODEC(ZSTD(1)),
    earliness UInt64 DEFAULT 18446744073709551615 COMMENT 'Complement of the log offset: of several appends the first has most' CODEC(ZSTD(1)),
    offset UInt64 ALIAS bitNot(earliness) COMMENT 'Log offset of the event that carried the point; 0 for points of stores from before this column'
)
ENGINE = ReplacingMergeTree(earliness)
PRIMARY KEY (run_id, key, step)
ORDER BY (run_id, key, step, timestamp, producer_id, sequence, point)
COMMENT 'Every metric point, from trackstream.metrics';

CREATE TABLE IF NOT EXISTS latest_metrics
(
    key LowCardinality(String) COMMENT 'Metric name',
    run_id String COMMENT 'The run' CODEC(NONE),
    value Float64 COMMENT 'Value at the highest (step, timestamp); among equals the greatest value, NaN last',
    step Int64 COMMENT 'Step of that value',
    timestamp Int64 COMMENT 'Milliseconds since the epoch of that value',
    rank UInt256 COMMENT 'Orders (branch, step, timestamp, value): what makes one row replace another',
    is_deleted UInt8 COMMENT '1 where a rewind has left the metric without points'
)
ENGINE = ReplacingMergeTree(rank, is_deleted) ORDER BY (key, run_id) SETTINGS index_granularity = 1024
COMMENT 'Latest value of each metric of each run';
