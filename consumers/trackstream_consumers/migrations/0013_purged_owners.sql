-- Whose rows are gone for good: runs and logged models that were purged, and traces, whose deletion is one. Topics have
-- no order between them, so rows of such an owner may come in behind its purge: readers leave them out. A purge is for
-- ever, so that any version of an owner's row will do.

CREATE OR REPLACE VIEW purged_owners AS
SELECT run_id AS owner FROM runs WHERE lifecycle_stage = 'purged'
UNION ALL
SELECT model_id AS owner FROM logged_models WHERE lifecycle_stage = 'purged'
UNION ALL
SELECT trace_id AS owner FROM traces WHERE lifecycle_stage = 'deleted'
COMMENT 'Ids of purged runs and logged models and of deleted traces';

ALTER TABLE purged_owners
    COMMENT COLUMN owner 'Id of the run, logged model or trace';

CREATE OR REPLACE VIEW v_artifacts AS
SELECT run_id, path, size, sha256, content_type, logged_at
FROM artifacts FINAL
WHERE run_id NOT IN (SELECT owner FROM purged_owners)
COMMENT 'Files of runs, logged models and traces';

ALTER TABLE v_artifacts
    COMMENT COLUMN run_id 'The run, logged model or trace',
    COMMENT COLUMN path 'Path within the run, with forward slashes',
    COMMENT COLUMN size 'Size in bytes',
    COMMENT COLUMN sha256 'SHA-256 of the content in hex, its key in the blob store',
    COMMENT COLUMN content_type 'MIME type; empty where it is not known',
    COMMENT COLUMN logged_at 'When it was logged, by the producer''s clock';
