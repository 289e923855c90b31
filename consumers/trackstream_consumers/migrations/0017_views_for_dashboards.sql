-- What a dashboard of the whole fleet needs and no view had: what writers reported, without the joins that prove
-- completeness; how far the projectors have come; dead letters with what became of them.

CREATE OR REPLACE VIEW v_writer_reports AS
SELECT
    run_id, writer, producer_id, state,
    fromUnixTimestamp64Milli(least(greatest(writer_reports.started_at, -62135596800000), 253402300799999), 'UTC') AS started_at,
    fromUnixTimestamp64Milli(least(greatest(writer_reports.reported_at, -62135596800000), 253402300799999), 'UTC') AS last_seen,
    heartbeat_s AS heartbeat_seconds,
    batches AS sent_batches, points AS sent_points, lost_points, lost_events
FROM writer_reports FINAL
WHERE run_id NOT IN (SELECT run_id FROM runs WHERE lifecycle_stage = 'purged')
COMMENT 'What each writer of a run reported last, as it said; v_writers compares it with what is here';

ALTER TABLE v_writer_reports
    COMMENT COLUMN run_id 'The run',
    COMMENT COLUMN writer 'Rank or process within the run; empty for a run with one writer',
    COMMENT COLUMN producer_id 'Process that it was',
    COMMENT COLUMN state 'attached, alive or closed, as it said last',
    COMMENT COLUMN started_at 'When it attached to the run, by its clock',
    COMMENT COLUMN last_seen 'When it reported last, by its clock',
    COMMENT COLUMN heartbeat_seconds 'It reports again within so many seconds while it is alive; 0: it promises nothing',
    COMMENT COLUMN sent_batches 'Metric batches that it sent before that report',
    COMMENT COLUMN sent_points 'Points in them',
    COMMENT COLUMN lost_points 'Points of the run that its process could not keep',
    COMMENT COLUMN lost_events 'Other events that it could not keep';

CREATE OR REPLACE VIEW v_positions AS
SELECT projector, topic, partition, next_offset
FROM positions FINAL
COMMENT 'How far each projector has come on each partition of the log';

ALTER TABLE v_positions
    COMMENT COLUMN projector 'Which projector',
    COMMENT COLUMN topic 'Topic on the log',
    COMMENT COLUMN partition 'Partition on the log',
    COMMENT COLUMN next_offset 'The first offset that it has not projected';

CREATE OR REPLACE VIEW v_dead_letters AS
SELECT
    d.projector AS projector, d.topic AS topic, d.partition AS partition, d.offset AS offset, d.key AS key,
    d.error_type AS error_type, d.error_message AS error_message, d.occurred_at AS occurred_at,
    if(r.version = 0, 'open', toString(r.resolution)) AS resolution,
    r.reason AS reason, r.actor AS resolved_by,
    if(r.version = 0, NULL, r.resolved_at) AS resolved_at
FROM (SELECT * FROM dead_letters FINAL) AS d
LEFT JOIN (SELECT * FROM dead_letter_resolutions FINAL) AS r
    ON r.topic = d.topic AND r.partition = d.partition AND r.offset = d.offset
COMMENT 'Records that a projector gave up, and what became of them';

ALTER TABLE v_dead_letters
    COMMENT COLUMN projector 'Which projector gave the record up',
    COMMENT COLUMN topic 'Topic of the record',
    COMMENT COLUMN partition 'Partition of the record',
    COMMENT COLUMN offset 'Offset of the record',
    COMMENT COLUMN key 'Key of the record: the id of its entity',
    COMMENT COLUMN error_type 'Class of the error',
    COMMENT COLUMN error_message 'What was wrong',
    COMMENT COLUMN occurred_at 'When it was given up',
    COMMENT COLUMN resolution 'open, retried or dropped',
    COMMENT COLUMN reason 'Why it was retried or dropped; may be empty',
    COMMENT COLUMN resolved_by 'Who decided; empty while it is open or where it is not known',
    COMMENT COLUMN resolved_at 'When that was decided; NULL while it is open';

-- The table has long held more than its comment said.
ALTER TABLE v_events MODIFY COMMENT 'History: every event but those of metrics and of the contents of artifacts';

ALTER TABLE v_events
    COMMENT COLUMN entity_id 'Key of the record: the id of the experiment, run, model, trace or launch';
