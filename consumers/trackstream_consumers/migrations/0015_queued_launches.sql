-- Launches of queues. As everywhere: safe under repetition, and statements are repeatable.

-- A launcher that dies says nothing; after three heartbeats that did not come nobody is told any more that it runs.
-- What becomes of its launch is what the fold makes of the word that it is lost: one of a queue waits again.
CREATE OR REPLACE VIEW v_launches AS
SELECT
    launch_id,
    multiIf(
        NOT silent, launches.state,
        launches.cancel_requested, 'cancelled',
        launches.queue IS NOT NULL AND launches.attempts < launches.max_attempts, 'requested',
        'failed'
    ) AS state,
    run_id, experiment_id, uri, entry_point, project, project_version, commit, dirty, parameters, backend, environment,
    image, host, attempts, exit_code,
    if(silent, concat(
        'launcher lost: nothing was heard of it for three heartbeats',
        if(launches.queue IS NULL OR launches.max_attempts = 1, '',
            concat(' (attempt ', toString(launches.attempts), ' of ', toString(launches.max_attempts), ')'))
    ), launches.reason) AS reason,
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
