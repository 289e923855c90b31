-- Stable views for people: what `POST /api/v1/sql` may read. Columns are only ever added; what they mean is in 0005.
-- A purge is for ever, so that any version of a purged run's row will do to leave out what belongs to it.

CREATE OR REPLACE VIEW v_experiments AS
SELECT experiment_id, name, lifecycle_stage, created_at, updated_at, tags, conflicts
FROM experiments FINAL
WHERE lifecycle_stage != 'purged' AND toUnixTimestamp64Milli(created_at) > 0
COMMENT 'Experiments';

CREATE OR REPLACE VIEW v_runs AS
SELECT
    run_id, experiment_id, name, user_id, status, lifecycle_stage,
    fromUnixTimestamp64Milli(runs.start_time, 'UTC') AS start_time,
    fromUnixTimestamp64Milli(runs.end_time, 'UTC') AS end_time,
    (runs.end_time - runs.start_time) / 1000 AS duration_seconds,
    params, tags, inputs, conflicts
FROM runs FINAL
WHERE status != 'UNSTARTED' AND lifecycle_stage != 'purged'
COMMENT 'Runs';

CREATE OR REPLACE VIEW v_params AS
SELECT run_id, key, value FROM run_params FINAL
COMMENT 'Params, a row each';

CREATE OR REPLACE VIEW v_tags AS
SELECT run_id, key, value FROM run_tags FINAL
COMMENT 'Tags of runs, a row each';

CREATE OR REPLACE VIEW v_metrics AS
SELECT
    run_id, key, step,
    fromUnixTimestamp64Milli(least(greatest(metric_points.timestamp, -62135596800000), 253402300799999), 'UTC') AS timestamp,
    value, writer, producer_id, sequence, point
FROM metric_points FINAL
WHERE run_id NOT IN (SELECT run_id FROM runs WHERE lifecycle_stage = 'purged')
COMMENT 'Metric points, each once';

CREATE OR REPLACE VIEW v_latest_metrics AS
SELECT
    run_id, key, value, step,
    fromUnixTimestamp64Milli(least(greatest(latest_metrics.timestamp, -62135596800000), 253402300799999), 'UTC') AS timestamp
FROM latest_metrics FINAL
WHERE run_id NOT IN (SELECT run_id FROM runs WHERE lifecycle_stage = 'purged')
COMMENT 'Latest value of each metric of each run';

CREATE OR REPLACE VIEW v_artifacts AS
SELECT run_id, path, size, sha256, content_type, logged_at
FROM artifacts FINAL
WHERE run_id NOT IN (SELECT run_id FROM runs WHERE lifecycle_stage = 'purged')
COMMENT 'Files of runs';

CREATE OR REPLACE VIEW v_events AS
SELECT topic, entity_id, partition, offset, event_type, event_id, occurred_at, producer_id, sequence, actor, payload
FROM events FINAL
COMMENT 'History: every experiment, run and artifact event';
