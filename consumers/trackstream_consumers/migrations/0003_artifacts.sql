CREATE TABLE IF NOT EXISTS artifacts
(
    run_id String COMMENT 'The run',
    path String COMMENT 'Relative to the run, with forward slashes',
    size UInt64 COMMENT 'Bytes',
    sha256 String COMMENT 'Hex digest of the content and its key in the blob store',
    content_type String COMMENT 'MIME type; empty where not known',
    logged_at DateTime64(3, 'UTC') COMMENT 'The producer''s clock',
    version UInt64 COMMENT 'Log offset + 1 of the event',
    is_deleted UInt8 COMMENT '1 where the file was removed'
)
ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (run_id, path)
COMMENT 'Files of runs, from trackstream.artifacts';

CREATE TABLE IF NOT EXISTS dead_letters
(
    projector LowCardinality(String) COMMENT 'Which projector gave the record up',
    topic LowCardinality(String) COMMENT 'Topic of the record',
    partition UInt16 COMMENT 'Partition of the record',
    offset UInt64 COMMENT 'Offset of the record',
    key String COMMENT 'Key of the record',
    value String COMMENT 'The record as it stood on the log',
    error_type LowCardinality(String) COMMENT 'Class of the error',
    error_message String COMMENT 'What was wrong',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it was given up'
)
ENGINE = ReplacingMergeTree ORDER BY (topic, partition, offset, projector)
COMMENT 'Records that could not be applied, from trackstream.dead-letters';
