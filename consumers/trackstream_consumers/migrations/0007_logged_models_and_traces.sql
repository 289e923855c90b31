-- Logged models with their metrics, traces with their assessments, and which models a run read and made.
-- As everywhere: safe under repetition, and statements are repeatable.

CREATE TABLE IF NOT EXISTS logged_models
(
    model_id String COMMENT 'm- and 32 hex digits',
    experiment_id LowCardinality(String) COMMENT 'The model''s experiment; empty while only stray events of the model are known',
    name String COMMENT 'Need not be unique',
    source_run_id Nullable(String) COMMENT 'The run that made it',
    model_type Nullable(String) COMMENT 'For example Agent',
    status LowCardinality(String) COMMENT 'PENDING, READY or FAILED',
    lifecycle_stage LowCardinality(String) COMMENT 'active or deleted',
    created_at Int64 COMMENT 'Milliseconds since the epoch; 0 while only stray events are known',
    updated_at Int64 COMMENT 'Milliseconds since the epoch of its creation, finalization or deletion',
    params Map(String, String) COMMENT 'Key to value; the first value logged stands',
    tags Map(String, String) COMMENT 'Key to value; the last value set stands',
    conflicts Array(String) COMMENT 'Events that lost a race, as JSON objects, in log order',
    applied Map(String, UInt64) COMMENT 'Highest sequence applied per producer: what recognises a repeated append',
    partition UInt16 COMMENT 'Log partition of the model',
    version UInt64 COMMENT 'Log offset + 1 of the last event folded in'
)
ENGINE = ReplacingMergeTree(version) ORDER BY model_id
COMMENT 'Logged models, folded from trackstream.logged-models';

CREATE TABLE IF NOT EXISTS logged_model_metrics
(
    model_id String COMMENT 'The model',
    key LowCardinality(String) COMMENT 'Metric name',
    step Int64 COMMENT 'Step',
    timestamp Int64 COMMENT 'Milliseconds since the epoch, the trainer''s clock',
    value Float64 COMMENT 'Value, bit for bit',
    run_id String COMMENT 'The run that measured',
    dataset_name LowCardinality(String) COMMENT 'Data set that it was measured on; empty where none is named',
    dataset_digest String COMMENT 'Digest of that data set; empty where none is named',
    producer_id LowCardinality(String) COMMENT 'Process that appended the point',
    sequence UInt64 COMMENT 'The producer''s count of the event that carried the point',
    point UInt32 COMMENT 'Index of the point in that event'
)
ENGINE = ReplacingMergeTree
PRIMARY KEY (model_id, key, step)
ORDER BY (model_id, key, step, timestamp, producer_id, sequence, point)
COMMENT 'Every measurement of a logged model';

CREATE TABLE IF NOT EXISTS traces
(
    trace_id String COMMENT 'tr- and 32 hex digits',
    experiment_id LowCardinality(String) COMMENT 'The trace''s experiment; empty while only stray events of the trace are known',
    request_time Int64 COMMENT 'Its start, milliseconds since the epoch',
    state LowCardinality(String) COMMENT 'OK, ERROR, IN_PROGRESS, STATE_UNSPECIFIED; UNLOGGED for stray events',
    execution_duration Nullable(Int64) COMMENT 'Milliseconds; NULL while in progress',
    client_request_id Nullable(String) COMMENT 'The caller''s own id',
    request_preview Nullable(String) COMMENT 'The beginning of the request',
    response_preview Nullable(String) COMMENT 'The beginning of the response',
    metadata Map(String, String) COMMENT 'Key to value, as the tracer gave it',
    tags Map(String, String) COMMENT 'Key to value; the last value set stands',
    assessments String COMMENT 'What was said about it, a JSON array',
    run_ids Array(String) COMMENT 'Runs that it was linked to, besides the one that traced it',
    prompts Array(String) COMMENT 'Prompt versions that it used, NAME/VERSION',
    lifecycle_stage LowCardinality(String) COMMENT 'active or deleted',
    applied Map(String, UInt64) COMMENT 'Highest sequence applied per producer: what recognises a repeated append',
    partition UInt16 COMMENT 'Log partition of the trace',
    version UInt64 COMMENT 'Log offset + 1 of the last event folded in'
)
ENGINE = ReplacingMergeTree(version) ORDER BY trace_id
COMMENT 'Traces, folded from trackstream.traces';

ALTER TABLE runs
    ADD COLUMN IF NOT EXISTS model_inputs Array(String) COMMENT 'Ids of the logged models that the run read',
    ADD COLUMN IF NOT EXISTS model_outputs String COMMENT 'Logged models that the run made, a JSON array';

CREATE OR REPLACE VIEW v_logged_models AS
SELECT
    model_id, experiment_id, name, source_run_id, model_type, status, lifecycle_stage,
    fromUnixTimestamp64Milli(logged_models.created_at, 'UTC') AS created_at,
    fromUnixTimestamp64Milli(logged_models.updated_at, 'UTC') AS updated_at,
    params, tags, conflicts
FROM logged_models FINAL
WHERE logged_models.created_at > 0
COMMENT 'Logged models';

ALTER TABLE v_logged_models
    COMMENT COLUMN model_id 'Id of the model',
    COMMENT COLUMN experiment_id 'The experiment that the model belongs to',
    COMMENT COLUMN name 'Name, which need not be unique',
    COMMENT COLUMN source_run_id 'The run that made it; NULL if none did',
    COMMENT COLUMN model_type 'For example Agent; NULL where it is not known',
    COMMENT COLUMN status 'PENDING, READY or FAILED',
    COMMENT COLUMN lifecycle_stage 'active or deleted',
    COMMENT COLUMN created_at 'When it was created, by the producer''s clock',
    COMMENT COLUMN updated_at 'When it was created, finalized or deleted, by the producer''s clock',
    COMMENT COLUMN params 'Key to value; the first value logged stands',
    COMMENT COLUMN tags 'Key to value; the last value set stands',
    COMMENT COLUMN conflicts 'Events that lost a race, each a JSON object, in log order';

CREATE OR REPLACE VIEW v_logged_model_metrics AS
SELECT
    model_id, key, step,
    fromUnixTimestamp64Milli(least(greatest(logged_model_metrics.timestamp, -62135596800000), 253402300799999), 'UTC') AS timestamp,
    value, run_id, dataset_name, dataset_digest
FROM logged_model_metrics FINAL
WHERE run_id NOT IN (SELECT run_id FROM runs WHERE lifecycle_stage = 'purged')
COMMENT 'Measurements of logged models';

ALTER TABLE v_logged_model_metrics
    COMMENT COLUMN model_id 'The model',
    COMMENT COLUMN key 'Metric name',
    COMMENT COLUMN step 'Step, any 64-bit integer',
    COMMENT COLUMN timestamp 'When it was measured, by the trainer''s clock',
    COMMENT COLUMN value 'Value, bit for bit as logged; may be NaN or infinite',
    COMMENT COLUMN run_id 'The run that measured',
    COMMENT COLUMN dataset_name 'Data set that it was measured on; empty where none is named',
    COMMENT COLUMN dataset_digest 'Digest of that data set; empty where none is named';

CREATE OR REPLACE VIEW v_traces AS
SELECT
    trace_id, experiment_id, state,
    fromUnixTimestamp64Milli(least(greatest(traces.request_time, -62135596800000), 253402300799999), 'UTC') AS request_time,
    execution_duration / 1000 AS duration_seconds,
    client_request_id, request_preview, response_preview, metadata, tags, run_ids, prompts
FROM traces FINAL
WHERE state != 'UNLOGGED' AND lifecycle_stage = 'active'
COMMENT 'Traces';

ALTER TABLE v_traces
    COMMENT COLUMN trace_id 'Id of the trace',
    COMMENT COLUMN experiment_id 'The experiment that the trace belongs to',
    COMMENT COLUMN state 'OK, ERROR, IN_PROGRESS or STATE_UNSPECIFIED',
    COMMENT COLUMN request_time 'When the request began, by the tracer''s clock',
    COMMENT COLUMN duration_seconds 'How long it took, seconds; NULL while in progress',
    COMMENT COLUMN client_request_id 'The caller''s own id; NULL where there is none',
    COMMENT COLUMN request_preview 'The beginning of the request',
    COMMENT COLUMN response_preview 'The beginning of the response',
    COMMENT COLUMN metadata 'Key to value, as the tracer gave it: token usage, session, source run',
    COMMENT COLUMN tags 'Key to value; the last value set stands',
    COMMENT COLUMN run_ids 'Runs that it was linked to, besides the one that traced it',
    COMMENT COLUMN prompts 'Prompt versions that it used, NAME/VERSION';

CREATE OR REPLACE VIEW v_assessments AS
SELECT
    trace_id,
    JSONExtractString(item, 'assessment_id') AS assessment_id,
    JSONExtractString(item, 'name') AS name,
    JSONExtractString(item, 'kind') AS kind,
    JSONExtractString(item, 'value') AS value,
    JSONExtract(item, 'rationale', 'Nullable(String)') AS rationale,
    JSONExtractString(item, 'source_type') AS source_type,
    JSONExtractString(item, 'source_id') AS source_id,
    fromUnixTimestamp64Milli(JSONExtractInt(item, 'created_at'), 'UTC') AS created_at,
    fromUnixTimestamp64Milli(JSONExtractInt(item, 'updated_at'), 'UTC') AS updated_at
FROM (SELECT trace_id, assessments FROM traces FINAL WHERE state != 'UNLOGGED' AND lifecycle_stage = 'active')
ARRAY JOIN JSONExtractArrayRaw(assessments) AS item
COMMENT 'Feedback on traces, and what was expected';

ALTER TABLE v_assessments
    COMMENT COLUMN trace_id 'The trace',
    COMMENT COLUMN assessment_id 'Id of the assessment',
    COMMENT COLUMN name 'What is assessed, for example correctness',
    COMMENT COLUMN kind 'feedback, expectation or issue',
    COMMENT COLUMN value 'The judgement or the expected value, as JSON',
    COMMENT COLUMN rationale 'Why; NULL where nothing was said',
    COMMENT COLUMN source_type 'HUMAN, LLM_JUDGE or CODE',
    COMMENT COLUMN source_id 'Who or what said it',
    COMMENT COLUMN created_at 'When it was said first',
    COMMENT COLUMN updated_at 'When it was last changed';
