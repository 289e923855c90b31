-- What is known of a run's writers, and where it was rewound. As with points, an event is identified by
-- (producer_id, sequence), and of several appends the first stands.

CREATE TABLE IF NOT EXISTS metric_events
(
    run_id String COMMENT 'The run' CODEC(ZSTD(1)),
    producer_id LowCardinality(String) COMMENT 'Process that appended the event',
    sequence UInt64 COMMENT 'That process''s count of the event' CODEC(DoubleDelta, ZSTD(1)),
    event_type LowCardinality(String) COMMENT 'MetricsLogged, WriterReported or RunRewound',
    writer LowCardinality(String) COMMENT 'Rank or process within the run that it is from; empty for a run with one writer',
    points UInt32 COMMENT 'Points in it' CODEC(T64, ZSTD(1)),
    partition UInt16 COMMENT 'Log partition' CODEC(ZSTD(1)),
    earliness UInt64 COMMENT 'Complement of the log offset: of several appends the first has most' CODEC(DoubleDelta, ZSTD(1)),
    offset UInt64 ALIAS bitNot(earliness) COMMENT 'Log offset',
    INDEX by_producer producer_id TYPE bloom_filter GRANULARITY 4
)
ENGINE = ReplacingMergeTree(earliness)
ORDER BY (run_id, producer_id, sequence)
COMMENT 'Every event of trackstream.metrics, without its points';

CREATE TABLE IF NOT EXISTS writer_reports
(
    run_id String COMMENT 'The run' CODEC(ZSTD(1)),
    producer_id String COMMENT 'Process that reported',
    writer String COMMENT 'The writer''s name in the run; empty for a run with one writer',
    state LowCardinality(String) COMMENT 'attached, alive or closed',
    started_at Int64 COMMENT 'When it attached to the run, its clock, milliseconds since the epoch',
    reported_at Int64 COMMENT 'When it made this report, its clock, milliseconds since the epoch',
    heartbeat_s Float64 COMMENT 'It reports again within so many seconds; 0: it promises nothing',
    batches UInt64 COMMENT 'Metric batches sent before this report',
    points UInt64 COMMENT 'Points in them',
    points_by_key Map(String, UInt64) COMMENT 'Points by metric',
    run_events UInt64 COMMENT 'Events sent to trackstream.runs before this report',
    artifact_events UInt64 COMMENT 'Events sent to trackstream.artifacts before this report',
    first_sequence Nullable(UInt64) COMMENT 'Sequence of the first event counted here',
    last_sequence Nullable(UInt64) COMMENT 'Sequence of the last event counted here',
    lost_points UInt64 COMMENT 'Points that the process could not keep',
    lost_events UInt64 COMMENT 'Other events that it could not keep',
    sequence UInt64 COMMENT 'Sequence of the report itself',
    partition UInt16 COMMENT 'Log partition',
    offset UInt64 COMMENT 'Log offset',
    rank UInt128 COMMENT 'Orders (sequence, first append): the newest report stands'
)
ENGINE = ReplacingMergeTree(rank)
ORDER BY (run_id, producer_id, writer)
COMMENT 'The newest report of each writer of a run, by the process that it was';

CREATE TABLE IF NOT EXISTS rewinds
(
    run_id String COMMENT 'The run' CODEC(ZSTD(1)),
    producer_id String COMMENT 'Process that went back',
    sequence UInt64 COMMENT 'That process''s count of the event',
    writer String COMMENT 'Its name in the run',
    step Int64 COMMENT 'The last step that still counts',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When, by the producer''s clock',
    partition UInt16 COMMENT 'Log partition',
    earliness UInt64 COMMENT 'Complement of the log offset: of several appends the first has most',
    offset UInt64 ALIAS bitNot(earliness) COMMENT 'Log offset'
)
ENGINE = ReplacingMergeTree(earliness)
ORDER BY (run_id, producer_id, sequence)
COMMENT 'Every time that a writer of a run went back to a step';

-- Derived from rewinds and metric_events, so that a query need not be told: of events from from_sequence[i] up to,
-- not including, below_sequence[i], points with a step of at least from_step[i] are not on the newest branch.
CREATE TABLE IF NOT EXISTS superseded
(
    run_id String COMMENT 'The run' CODEC(ZSTD(1)),
    producer_id String COMMENT 'Process that appended the points',
    from_sequence Array(UInt64) COMMENT 'First event of each stretch',
    below_sequence Array(UInt64) COMMENT 'First event behind it',
    from_step Array(Int64) COMMENT 'First step that is superseded in it',
    version UInt64 COMMENT 'Log offset + 1 of the last rewind that is in here'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (run_id, producer_id)
COMMENT 'Which points a rewind has superseded; no row for most runs';

CREATE OR REPLACE VIEW v_metrics AS
SELECT
    run_id, key, step,
    fromUnixTimestamp64Milli(least(greatest(metric_points.timestamp, -62135596800000), 253402300799999), 'UTC') AS timestamp,
    value, writer, producer_id, sequence, point, partition, offset
FROM metric_points FINAL
WHERE run_id NOT IN (SELECT run_id FROM runs WHERE lifecycle_stage = 'purged')
    AND run_id NOT IN (SELECT run_id FROM superseded)
UNION ALL
SELECT
    p.run_id, p.key, p.step,
    fromUnixTimestamp64Milli(least(greatest(p.timestamp, -62135596800000), 253402300799999), 'UTC') AS timestamp,
    p.value, p.writer, p.producer_id, p.sequence, p.point, p.partition, p.offset
FROM
(
    SELECT run_id, key, step, timestamp, value, writer, producer_id, sequence, point, partition, offset
    FROM metric_points FINAL
    WHERE run_id NOT IN (SELECT run_id FROM runs WHERE lifecycle_stage = 'purged')
        AND run_id IN (SELECT run_id FROM superseded)
) AS p
LEFT JOIN (SELECT * FROM superseded FINAL) AS s ON s.run_id = p.run_id AND s.producer_id = p.producer_id
WHERE NOT arrayExists(
    (low, below, from_step) -> p.sequence >= low AND p.sequence < below AND p.step >= from_step,
    s.from_sequence, s.below_sequence, s.from_step
)
COMMENT 'Metric points, each once; of a run that was rewound those of the newest branch';

ALTER TABLE v_metrics
    COMMENT COLUMN run_id 'The run',
    COMMENT COLUMN key 'Metric name',
    COMMENT COLUMN step 'Step, any 64-bit integer',
    COMMENT COLUMN timestamp 'When it was measured, by the trainer''s clock',
    COMMENT COLUMN value 'Value, bit for bit as logged; may be NaN or infinite',
    COMMENT COLUMN writer 'Rank or process that measured; empty for a run with one writer',
    COMMENT COLUMN producer_id 'Process that appended the point',
    COMMENT COLUMN sequence 'That process''s count of the event that carried the point',
    COMMENT COLUMN point 'Index of the point in that event; with producer_id and sequence it identifies the point',
    COMMENT COLUMN partition 'Log partition of that event',
    COMMENT COLUMN offset 'Log offset of that event, of its first append if there were several';

CREATE OR REPLACE VIEW v_writers AS
SELECT
    r.run_id AS run_id, r.writer AS writer, r.producer_id AS producer_id, r.state AS state,
    multiIf(
        m.batches < r.batches OR m.points < r.points OR projected_run_events < r.run_events
            OR projected_artifact_events < r.artifact_events OR r.lost_points > 0 OR r.lost_events > 0, 'missing',
        r.state = 'closed', 'complete',
        toUnixTimestamp64Milli(now64(3)) - r.reported_at < 3000 * r.heartbeat_s, 'in flight',
        'unconfirmed'
    ) AS completeness,
    fromUnixTimestamp64Milli(least(greatest(r.started_at, -62135596800000), 253402300799999), 'UTC') AS started_at,
    fromUnixTimestamp64Milli(least(greatest(r.reported_at, -62135596800000), 253402300799999), 'UTC') AS last_seen,
    r.heartbeat_s AS heartbeat_seconds,
    r.batches AS sent_batches, m.batches AS projected_batches,
    r.points AS sent_points, m.points AS projected_points,
    r.run_events AS sent_run_events,
    least(length(arrayFilter(s -> s < r.sequence, e.sequences)), r.run_events) AS projected_run_events,
    r.artifact_events AS sent_artifact_events,
    least(length(arrayFilter(s -> s < r.sequence, a.sequences)), r.artifact_events) AS projected_artifact_events,
    r.lost_points AS lost_points, r.lost_events AS lost_events
FROM
(
    SELECT * FROM writer_reports FINAL
    WHERE run_id NOT IN (SELECT run_id FROM runs WHERE lifecycle_stage = 'purged')
) AS r
LEFT JOIN
(
    SELECT b.run_id AS run_id, b.producer_id AS producer_id, b.writer AS writer, count() AS batches, sum(b.points) AS points
    FROM
    (
        SELECT run_id, toString(producer_id) AS producer_id, toString(writer) AS writer, sequence, points
        FROM metric_events FINAL WHERE event_type = 'MetricsLogged'
    ) AS b
    INNER JOIN (SELECT run_id, producer_id, writer, sequence FROM writer_reports FINAL) AS w
        ON w.run_id = b.run_id AND w.producer_id = b.producer_id AND w.writer = b.writer
    WHERE b.sequence < w.sequence
    GROUP BY run_id, producer_id, writer
) AS m ON m.run_id = r.run_id AND m.producer_id = r.producer_id AND m.writer = r.writer
LEFT JOIN
(
    SELECT entity_id, producer_id, groupUniqArray(sequence) AS sequences FROM events
    WHERE topic = 'trackstream.runs' GROUP BY entity_id, producer_id
) AS e ON e.entity_id = r.run_id AND e.producer_id = r.producer_id
LEFT JOIN
(
    SELECT entity_id, producer_id, groupUniqArray(sequence) AS sequences FROM events
    WHERE topic = 'trackstream.artifacts' GROUP BY entity_id, producer_id
) AS a ON a.entity_id = r.run_id AND a.producer_id = r.producer_id
UNION ALL
SELECT
    b.run_id AS run_id, b.writer AS writer, b.producer_id AS producer_id, 'unreported' AS state,
    'unconfirmed' AS completeness, NULL AS started_at, NULL AS last_seen, 0 AS heartbeat_seconds,
    0 AS sent_batches, b.batches AS projected_batches, 0 AS sent_points, b.points AS projected_points,
    0 AS sent_run_events, 0 AS projected_run_events, 0 AS sent_artifact_events, 0 AS projected_artifact_events,
    0 AS lost_points, 0 AS lost_events
FROM
(
    SELECT
        run_id, toString(producer_id) AS producer_id, toString(writer) AS writer, count() AS batches, sum(points) AS points
    FROM metric_events FINAL
    WHERE event_type = 'MetricsLogged'
        AND run_id NOT IN (SELECT run_id FROM runs WHERE lifecycle_stage = 'purged')
    GROUP BY run_id, producer_id, writer
) AS b
LEFT ANTI JOIN (SELECT run_id, producer_id, writer FROM writer_reports) AS w
    ON w.run_id = b.run_id AND w.producer_id = b.producer_id AND w.writer = b.writer
COMMENT 'Writers of runs: what each says that it sent before its last report, and what of that is here';

ALTER TABLE v_writers
    COMMENT COLUMN run_id 'The run',
    COMMENT COLUMN writer 'Rank or process within the run; empty for a run with one writer',
    COMMENT COLUMN producer_id 'Process that it was',
    COMMENT COLUMN state 'attached, alive or closed, as it said last; unreported: it says nothing of itself',
    COMMENT COLUMN completeness 'complete, in flight, missing, or unconfirmed: it fell silent without closing, or never reported',
    COMMENT COLUMN started_at 'When it attached to the run, by its clock',
    COMMENT COLUMN last_seen 'When it reported last, by its clock',
    COMMENT COLUMN heartbeat_seconds 'It reports again within so many seconds while it is alive; 0: it promises nothing',
    COMMENT COLUMN sent_batches 'Metric batches that it sent before that report',
    COMMENT COLUMN projected_batches 'How many of them are here',
    COMMENT COLUMN sent_points 'Points in the batches that it sent',
    COMMENT COLUMN projected_points 'How many of them are here, superseded ones included',
    COMMENT COLUMN sent_run_events 'Events of the run that it sent: params, tags, lifecycle',
    COMMENT COLUMN projected_run_events 'How many of them are here',
    COMMENT COLUMN sent_artifact_events 'Events of artifacts that it sent',
    COMMENT COLUMN projected_artifact_events 'How many of them are here',
    COMMENT COLUMN lost_points 'Points of the run that its process could not keep',
    COMMENT COLUMN lost_events 'Other events that it could not keep';

CREATE OR REPLACE VIEW v_completeness AS
SELECT
    run_id,
    multiIf(
        countIf(v_writers.completeness = 'missing') > 0, 'missing',
        countIf(v_writers.completeness = 'in flight') > 0, 'in flight',
        countIf(v_writers.completeness = 'unconfirmed') > 0, 'unconfirmed',
        'complete'
    ) AS completeness,
    count() AS writers,
    sum(v_writers.sent_points) AS sent_points,
    sum(v_writers.projected_points) AS projected_points
FROM v_writers
GROUP BY run_id
COMMENT 'Whether all that was sent for a run is here; a run for which no metric was ever logged and no writer reported has no row';

ALTER TABLE v_completeness
    COMMENT COLUMN run_id 'The run',
    COMMENT COLUMN completeness 'The worst of its writers: missing, in flight, unconfirmed or complete',
    COMMENT COLUMN writers 'Writers, each process counted',
    COMMENT COLUMN sent_points 'Points that they say they sent',
    COMMENT COLUMN projected_points 'Points that are here, superseded ones included';
