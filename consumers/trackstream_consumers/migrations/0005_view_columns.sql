-- What each column of the views means: the data dictionary, also shown by `DESCRIBE v_runs`.
-- docs/sql.md is generated from it. A later migration that adds a column comments it likewise.

ALTER TABLE v_experiments
    COMMENT COLUMN experiment_id 'Id of the experiment; 0 is the default one',
    COMMENT COLUMN name 'Name, unique among experiments unless conflicts says otherwise',
    COMMENT COLUMN lifecycle_stage 'active or deleted',
    COMMENT COLUMN created_at 'When it was created, by the producer''s clock',
    COMMENT COLUMN updated_at 'When it was last changed, by the producer''s clock',
    COMMENT COLUMN tags 'Key to value',
    COMMENT COLUMN conflicts 'Events that lost a race, each a JSON object, in log order';

ALTER TABLE v_runs
    COMMENT COLUMN run_id 'Id of the run, UUIDv7 in hex',
    COMMENT COLUMN experiment_id 'The experiment that the run belongs to',
    COMMENT COLUMN name 'Run name',
    COMMENT COLUMN user_id 'Who started it',
    COMMENT COLUMN status 'RUNNING, SCHEDULED, FINISHED, FAILED or KILLED',
    COMMENT COLUMN lifecycle_stage 'active or deleted',
    COMMENT COLUMN start_time 'When it started, by the producer''s clock',
    COMMENT COLUMN end_time 'When it ended; NULL while it runs',
    COMMENT COLUMN duration_seconds 'From start to end, seconds; NULL while it runs',
    COMMENT COLUMN params 'Key to value; the first value logged stands',
    COMMENT COLUMN tags 'Key to value; the last value set stands',
    COMMENT COLUMN inputs 'Data sets that the run read, a JSON array',
    COMMENT COLUMN conflicts 'Events that lost a race, each a JSON object, in log order';

ALTER TABLE v_params
    COMMENT COLUMN run_id 'The run',
    COMMENT COLUMN key 'Param name',
    COMMENT COLUMN value 'The first value logged, as text';

ALTER TABLE v_tags
    COMMENT COLUMN run_id 'The run',
    COMMENT COLUMN key 'Tag name',
    COMMENT COLUMN value 'The last value set';

ALTER TABLE v_metrics
    COMMENT COLUMN run_id 'The run',
    COMMENT COLUMN key 'Metric name',
    COMMENT COLUMN step 'Step, any 64-bit integer',
    COMMENT COLUMN timestamp 'When it was measured, by the trainer''s clock',
    COMMENT COLUMN value 'Value, bit for bit as logged; may be NaN or infinite',
    COMMENT COLUMN writer 'Rank or process that measured; empty for a run with one writer',
    COMMENT COLUMN producer_id 'Process that appended the point',
    COMMENT COLUMN sequence 'That process''s count of the event that carried the point',
    COMMENT COLUMN point 'Index of the point in that event; with producer_id and sequence it identifies the point';

ALTER TABLE v_latest_metrics
    COMMENT COLUMN run_id 'The run',
    COMMENT COLUMN key 'Metric name',
    COMMENT COLUMN value 'Value at the highest (step, timestamp); among equals the greatest, NaN lowest',
    COMMENT COLUMN step 'Step of that value',
    COMMENT COLUMN timestamp 'When that value was measured, by the trainer''s clock';

ALTER TABLE v_artifacts
    COMMENT COLUMN run_id 'The run',
    COMMENT COLUMN path 'Path within the run, with forward slashes',
    COMMENT COLUMN size 'Size in bytes',
    COMMENT COLUMN sha256 'SHA-256 of the content in hex, its key in the blob store',
    COMMENT COLUMN content_type 'MIME type; empty where it is not known',
    COMMENT COLUMN logged_at 'When it was logged, by the producer''s clock';

ALTER TABLE v_events
    COMMENT COLUMN topic 'Topic on the log',
    COMMENT COLUMN entity_id 'The experiment or run',
    COMMENT COLUMN partition 'Partition on the log',
    COMMENT COLUMN offset 'Offset in the partition: the order that counts',
    COMMENT COLUMN event_type 'For example RunStarted',
    COMMENT COLUMN event_id 'Id of the event, UUIDv7 in hex',
    COMMENT COLUMN occurred_at 'When it happened, by the producer''s clock',
    COMMENT COLUMN producer_id 'Process that appended it',
    COMMENT COLUMN sequence 'Counts that process''s events from 0',
    COMMENT COLUMN actor 'On whose behalf it was made; empty where it is not known',
    COMMENT COLUMN payload 'The event''s body as JSON';
