-- Stable views for people: what `POST /api/v1/sql` may read. Columns are only ever added.

CREATE VIEW v_experiments AS
SELECT experiment_id, name, lifecycle_stage, created_at, updated_at, tags, conflicts
FROM experiments FINAL
WHERE lifecycle_stage != 'purged'
COMMENT 'Experiments';

CREATE VIEW v_runs AS
SELECT
    run_id, experiment_id, name, user_id, status, lifecycle_stage,
    fromUnixTimestamp64Milli(start_time, 'UTC') AS start_time,
    if(end_time IS NULL, NULL, fromUnixTimestamp64Milli(assumeNotNull(end_time), 'UTC')) AS end_time,
    if(end_time IS NULL, NULL, (assumeNotNull(end_time) - start_time) / 1000) AS duration_seconds,
    params, tags, inputs, conflicts
FROM runs FINAL
WHERE status != 'UNSTARTED' AND lifecycle_stage != 'purged'
COMMENT 'Runs';

CREATE VIEW v_params AS
SELECT run_id, key, value FROM run_params FINAL
COMMENT 'Params, a row each';

CREATE VIEW v_tags AS
SELECT run_id, key, value FROM run_tags FINAL
COMMENT 'Tags of runs, a row each';

CREATE VIEW v_metrics AS
SELECT run_id, key, step, fromUnixTimestamp64Milli(timestamp, 'UTC') AS timestamp, value, writer, producer_id, sequence, point
FROM metric_points FINAL
COMMENT 'Metric points, each once';

CREATE VIEW v_latest_metrics AS
SELECT run_id, key, value, step, fromUnixTimestamp64Milli(timestamp, 'UTC') AS timestamp
FROM latest_metrics FINAL
COMMENT 'Latest value of each metric of each run';

CREATE VIEW v_artifacts AS
SELECT run_id, path, size, sha256, content_type, logged_at FROM artifacts FINAL
COMMENT 'Files of runs';

CREATE VIEW v_events AS
SELECT topic, entity_id, partition, offset, event_type, event_id, occurred_at, producer_id, sequence, actor, payload
FROM events FINAL
COMMENT 'History: every experiment, run and artifact event';
