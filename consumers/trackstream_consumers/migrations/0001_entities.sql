-- Entities: one full row per entity, replaced by the row of a higher log position.
-- Every table is safe under repetition: a row that is inserted twice is read once (FINAL).
-- Statements are repeatable (IF NOT EXISTS), because a killed migration runs again.
-- run_id is not compressed where searches read it for every run: ids hardly compress, and reading a million
-- of them takes a third of the time.

CREATE TABLE IF NOT EXISTS experiments
(
    experiment_id String COMMENT 'Derived from the name; 0 is the default experiment',
    name String COMMENT 'Unique among experiments unless conflicts says otherwise',
    artifact_location String COMMENT 'Where clients that upload by themselves put artifacts; empty: the store decides',
    lifecycle_stage LowCardinality(String) COMMENT 'active, deleted or purged',
    created_at DateTime64(3, 'UTC') COMMENT 'Creation by the producer''s clock; 0 while only stray events are known',
    updated_at DateTime64(3, 'UTC') COMMENT 'Last change by the producer''s clock',
    tags Map(String, String) COMMENT 'Key to value',
    conflicts Array(String) COMMENT 'Events that lost a race, as JSON objects, in log order',
    applied Map(String, UInt64) COMMENT 'Highest sequence applied per producer: what recognises a repeated append',
    partition UInt16 COMMENT 'Log partition of the experiment',
    version UInt64 COMMENT 'Log offset + 1 of the last event folded in'
)
ENGINE = ReplacingMergeTree(version) ORDER BY experiment_id
COMMENT 'Experiments, folded from trackstream.experiments';

CREATE TABLE IF NOT EXISTS runs
(
    run_id String COMMENT 'UUIDv7 in hex' CODEC(NONE),
    experiment_id LowCardinality(String) COMMENT 'The run''s experiment; empty while only stray events of the run are known',
    name String COMMENT 'Run name',
    user_id String COMMENT 'Who started it',
    status LowCardinality(String) COMMENT 'RUNNING, SCHEDULED, FINISHED, FAILED, KILLED; UNSTARTED for stray events',
    stray_status LowCardinality(String) COMMENT 'What an UNSTARTED run will be once its start arrives; empty: RUNNING',
    lifecycle_stage LowCardinality(String) COMMENT 'active, deleted or purged',
    start_time Int64 COMMENT 'Milliseconds since the epoch',
    end_time Nullable(Int64) COMMENT 'Milliseconds since the epoch; NULL while running',
    deleted_at Nullable(Int64) COMMENT 'When it was last deleted; NULL unless deleted',
    params Map(String, String) COMMENT 'Key to value; the first value logged stands',
    tags Map(String, String) COMMENT 'Key to value; the last value set stands',
    inputs String COMMENT 'Data sets the run read, a JSON array',
    conflicts Array(String) COMMENT 'Events that lost a race, as JSON objects, in log order',
    applied Map(String, UInt64) COMMENT 'Highest sequence applied per producer: what recognises a repeated append',
    partition UInt16 COMMENT 'Log partition of the run',
    version UInt64 COMMENT 'Log offset + 1 of the last event folded in'
)
ENGINE = ReplacingMergeTree(version) ORDER BY run_id SETTINGS index_granularity = 256
COMMENT 'Runs, folded from trackstream.runs';

CREATE TABLE IF NOT EXISTS run_params
(
    key LowCardinality(String) COMMENT 'Param name',
    run_id String COMMENT 'The run' CODEC(NONE),
    value String COMMENT 'The first value logged',
    version UInt64 COMMENT 'Version of the run with the last event that touched it',
    is_deleted UInt8 COMMENT '1 where the run was purged'
)
ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (key, run_id)
COMMENT 'Params laid out for search';

CREATE TABLE IF NOT EXISTS run_tags
(
    key LowCardinality(String) COMMENT 'Tag name',
    run_id String COMMENT 'The run' CODEC(NONE),
    value String COMMENT 'The last value set',
    version UInt64 COMMENT 'Version of the run with the last event that touched it',
    is_deleted UInt8 COMMENT '1 where the tag was removed'
)
ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (key, run_id)
COMMENT 'Tags laid out for search';

CREATE TABLE IF NOT EXISTS events
(
    topic LowCardinality(String) COMMENT 'Log topic',
    entity_id String COMMENT 'Record key: the id of the entity',
    partition UInt16 COMMENT 'Log partition',
    offset UInt64 COMMENT 'Log offset',
    event_type LowCardinality(String) COMMENT 'For example RunStarted',
    event_id String COMMENT 'UUIDv7 in hex',
    occurred_at DateTime64(3, 'UTC') COMMENT 'The producer''s clock',
    producer_id String COMMENT 'Who appended it',
    sequence UInt64 COMMENT 'Counts a producer''s events from 0',
    actor String COMMENT 'On whose behalf',
    payload String COMMENT 'The body as JSON',
    message String COMMENT 'The event as it stands on the log' CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree ORDER BY (topic, entity_id, partition, offset)
COMMENT 'Every experiment, run and artifact event, for history and time travel of one entity';

CREATE TABLE IF NOT EXISTS positions
(
    projector LowCardinality(String) COMMENT 'Which projector',
    topic LowCardinality(String) COMMENT 'Log topic',
    partition UInt16 COMMENT 'Log partition',
    next_offset UInt64 COMMENT 'The first offset not yet projected'
)
ENGINE = ReplacingMergeTree(next_offset) ORDER BY (projector, topic, partition)
COMMENT 'How far each projector has come: written after the rows, read at start';
