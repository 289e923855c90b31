-- Launches of projects. As everywhere: safe under repetition, and statements are repeatable.

CREATE TABLE IF NOT EXISTS launches
(
    launch_id String COMMENT 'UUIDv7 in hex',
    state LowCardinality(String) COMMENT 'requested, preparing, ready, running, finished, failed or cancelled; unrequested for stray events',
    run_id String COMMENT 'The run that the project logs into',
    experiment_id LowCardinality(String) COMMENT 'The run''s experiment',
    uri String COMMENT 'Where the project is, as asked for, without credentials',
    entry_point String COMMENT 'Entry point or script',
    project_version Nullable(String) COMMENT 'Commit, tag or branch asked for',
    parameters Map(String, String) COMMENT 'As given; secrets are replaced',
    backend LowCardinality(String) COMMENT 'What executes it',
    backend_config String COMMENT 'Its settings, a JSON object',
    env_manager Nullable(String) COMMENT 'As asked for; NULL: what the project asks for',
    docker_args Map(String, String) COMMENT 'Further arguments for containers',
    storage_dir Nullable(String) COMMENT 'Directory for downloaded parameters',
    queue Nullable(String) COMMENT 'The queue whose workers may take it; NULL: whoever requested it executes it',
    max_attempts Int32 COMMENT 'How often it may be claimed',
    retry_of Nullable(String) COMMENT 'The launch that this one repeats',
    parent_launch_id Nullable(String) COMMENT 'The launch whose program requested this one',
    user_id String COMMENT 'Who asked; empty when not known',
    attempts Int32 COMMENT 'Claims that held',
    claim_id String COMMENT 'The claim that holds; empty without one',
    host String COMMENT 'The launcher''s machine',
    pid Int64 COMMENT 'The launcher''s process',
    heartbeat_s Float64 COMMENT 'Seconds between two of its heartbeats',
    cancel_requested Bool COMMENT 'Somebody wants it to end',
    lost Bool COMMENT 'It failed because nothing was heard of its launcher any more',
    project String COMMENT 'The project''s name; empty until it is prepared',
    environment LowCardinality(String) COMMENT 'virtualenv, uv, conda, local, docker …; empty until it is prepared',
    environment_key Nullable(String) COMMENT 'Hash of what the environment was made of',
    source Nullable(String) COMMENT 'Where the files came from',
    commit Nullable(String) COMMENT 'Git commit; NULL outside of git',
    dirty Nullable(Bool) COMMENT 'Whether the tree differed from the commit',
    image Nullable(String) COMMENT 'Container image',
    handle String COMMENT 'How the backend finds the program',
    command String COMMENT 'The command, secrets replaced',
    exit_code Nullable(Int32) COMMENT 'The program''s',
    reason String COMMENT 'What went wrong; may be empty',
    requested_at Int64 COMMENT 'Milliseconds since the epoch; 0 while only stray events are known',
    claimed_at Nullable(Int64) COMMENT 'Milliseconds since the epoch',
    prepared_at Nullable(Int64) COMMENT 'Milliseconds since the epoch',
    started_at Nullable(Int64) COMMENT 'Milliseconds since the epoch',
    ended_at Nullable(Int64) COMMENT 'Milliseconds since the epoch',
    last_seen Nullable(Int64) COMMENT 'When the launcher was heard of last, milliseconds since the epoch',
    conflicts Array(String) COMMENT 'Events that lost a race, as JSON objects, in log order',
    applied Map(String, UInt64) COMMENT 'Highest sequence applied per producer: what recognises a repeated append',
    partition UInt16 COMMENT 'Log partition of the launch',
    version UInt64 COMMENT 'Log offset + 1 of the last event folded in'
)
ENGINE = ReplacingMergeTree(version) ORDER BY launch_id
COMMENT 'Launches of projects, folded from trackstream.launches';

-- A launcher that dies says nothing; after three heartbeats that did not come nobody is told any more that it runs.
CREATE OR REPLACE VIEW v_launches AS
SELECT
    launch_id,
    if(silent, 'failed', launches.state) AS state,
    run_id, experiment_id, uri, entry_point, project, project_version, commit, dirty, parameters, backend, environment,
    image, host, attempts, exit_code,
    if(silent, 'launcher lost: nothing was heard of it for three heartbeats', launches.reason) AS reason,
    fromUnixTimestamp64Milli(launches.requested_at, 'UTC') AS requested_at,
    fromUnixTimestamp64Milli(launches.started_at, 'UTC') AS started_at,
    fromUnixTimestamp64Milli(launches.ended_at, 'UTC') AS ended_at,
    (launches.ended_at - coalesce(launches.claimed_at, launches.requested_at)) / 1000 AS duration_seconds,
    user_id, queue, retry_of, parent_launch_id, conflicts
FROM
(
    SELECT
        *,
        state IN ('preparing', 'ready', 'running')
            AND last_seen + toInt64(3000 * heartbeat_s) < toUnixTimestamp64Milli(now64(3)) AS silent
    FROM launches FINAL
    WHERE requested_at > 0
) AS launches
COMMENT 'Launches of projects';

ALTER TABLE v_launches
    COMMENT COLUMN launch_id 'Id of the launch',
    COMMENT COLUMN state 'requested, preparing, ready, running, finished, failed or cancelled',
    COMMENT COLUMN run_id 'The run that the project logs into',
    COMMENT COLUMN experiment_id 'The run''s experiment',
    COMMENT COLUMN uri 'Where the project is, as asked for, without credentials',
    COMMENT COLUMN entry_point 'Entry point or script',
    COMMENT COLUMN project 'The project''s name; empty until it is prepared',
    COMMENT COLUMN project_version 'Commit, tag or branch asked for; NULL for the newest',
    COMMENT COLUMN commit 'Git commit that was executed; NULL outside of git',
    COMMENT COLUMN dirty 'Whether the tree differed from the commit; NULL outside of git',
    COMMENT COLUMN parameters 'As given; secrets are replaced',
    COMMENT COLUMN backend 'What executes it',
    COMMENT COLUMN environment 'virtualenv, uv, conda, local, docker …; empty until it is prepared',
    COMMENT COLUMN image 'Container image; NULL without containers',
    COMMENT COLUMN host 'The launcher''s machine',
    COMMENT COLUMN attempts 'How often a launcher has taken it',
    COMMENT COLUMN exit_code 'The program''s; negative: minus the signal that ended it; NULL where it did not end',
    COMMENT COLUMN reason 'What went wrong; may be empty',
    COMMENT COLUMN requested_at 'When it was asked for, by the producer''s clock',
    COMMENT COLUMN started_at 'When the program began, by the launcher''s clock; NULL until then',
    COMMENT COLUMN ended_at 'When it ended, by the launcher''s clock; NULL until then',
    COMMENT COLUMN duration_seconds 'From its claim to its end; NULL until then',
    COMMENT COLUMN user_id 'Who asked; empty when not known',
    COMMENT COLUMN queue 'The queue whose workers may take it; NULL: whoever requested it executes it',
    COMMENT COLUMN retry_of 'The launch that this one repeats; NULL if none',
    COMMENT COLUMN parent_launch_id 'The launch whose program requested this one; NULL if none',
    COMMENT COLUMN conflicts 'Events that lost a race, each a JSON object, in log order';
