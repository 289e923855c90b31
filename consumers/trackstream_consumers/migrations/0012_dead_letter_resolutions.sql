-- What became of dead letters. The newest resolution stands: one that was dropped may still be retried.

CREATE TABLE IF NOT EXISTS dead_letter_resolutions
(
    topic LowCardinality(String) COMMENT 'Topic of the record that was given up',
    partition UInt16 COMMENT 'Partition of that record',
    offset UInt64 COMMENT 'Offset of that record',
    resolution LowCardinality(String) COMMENT 'retried or dropped',
    reason String COMMENT 'Why; may be empty',
    actor String COMMENT 'Who decided; empty where not known',
    resolved_at DateTime64(3, 'UTC') COMMENT 'When it was decided',
    version UInt64 COMMENT 'Log offset + 1 of the event'
)
ENGINE = ReplacingMergeTree(version) ORDER BY (topic, partition, offset)
COMMENT 'What became of dead letters, from trackstream.dead-letters';
