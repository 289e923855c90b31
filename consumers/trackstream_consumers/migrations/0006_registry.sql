-- The model registry: a row per registered model and one per version.
-- What decides (names, numbers, stages, aliases) is in the model's row, which is written after its versions'.

CREATE TABLE IF NOT EXISTS registered_models
(
    registered_model_id String COMMENT 'Derived from the name that the model was created under',
    name String COMMENT 'Unique among models that are there',
    description String COMMENT 'What the model is for',
    lifecycle_stage LowCardinality(String) COMMENT 'active, deleted, or absent while only stray events are known',
    creation_id String COMMENT 'Id of the creation that stands, made by whoever asked for it',
    created_at Int64 COMMENT 'Milliseconds since the epoch, the producer''s clock',
    updated_at Int64 COMMENT 'Milliseconds since the epoch; tags and aliases do not count as changes',
    tags Map(String, String) COMMENT 'Key to value; the last value set stands',
    aliases Map(String, UInt32) COMMENT 'Alias to version number',
    stages Map(UInt32, String) COMMENT 'Version number to stage, of the versions that are there',
    last_version UInt32 COMMENT 'The highest version number given so far',
    conflicts Array(String) COMMENT 'Events that lost a race, as JSON objects, in log order',
    applied Map(String, UInt64) COMMENT 'Highest sequence applied per producer: what recognises a repeated append',
    partition UInt16 COMMENT 'Log partition of the model',
    version UInt64 COMMENT 'Log offset + 1 of the last event folded in'
)
ENGINE = ReplacingMergeTree(version) ORDER BY registered_model_id
COMMENT 'Registered models, folded from trackstream.registry';

CREATE TABLE IF NOT EXISTS model_versions
(
    registered_model_id String COMMENT 'The registered model',
    number UInt32 COMMENT 'From 1, without a gap, in the order of the log',
    lifecycle_stage LowCardinality(String) COMMENT 'active or deleted',
    creation_id String COMMENT 'Id of the creation, made by whoever asked for it',
    source String COMMENT 'URI of the artifacts as given',
    storage_location String COMMENT 'URI of the artifacts with models:/ resolved; empty: the source',
    run_id String COMMENT 'Run that made the model; empty where not known',
    model_id String COMMENT 'Logged model that it was made of; empty where not known',
    run_link String COMMENT 'Address of the run elsewhere; empty where not known',
    description String COMMENT 'What is special about the version',
    user_id String COMMENT 'Who registered it; empty where not known',
    stage LowCardinality(String) COMMENT 'None, Staging, Production or Archived',
    created_at Int64 COMMENT 'Milliseconds since the epoch, the producer''s clock',
    updated_at Int64 COMMENT 'Milliseconds since the epoch; tags do not count as changes',
    tags Map(String, String) COMMENT 'Key to value; the last value set stands',
    version UInt64 COMMENT 'Log offset + 1 of the last event folded in'
)
ENGINE = ReplacingMergeTree(version) ORDER BY (registered_model_id, number)
COMMENT 'Versions of registered models, folded from trackstream.registry';

CREATE OR REPLACE VIEW v_models AS
SELECT
    registered_model_id, name, description,
    fromUnixTimestamp64Milli(registered_models.created_at, 'UTC') AS created_at,
    fromUnixTimestamp64Milli(registered_models.updated_at, 'UTC') AS updated_at,
    tags, aliases, stages, conflicts
FROM registered_models FINAL
WHERE lifecycle_stage = 'active'
COMMENT 'Registered models';

CREATE OR REPLACE VIEW v_model_versions AS
SELECT
    m.name AS name, v.number AS version, v.stage AS stage,
    arraySort(mapKeys(mapFilter((alias, number) -> number = v.number, m.aliases))) AS aliases,
    v.source AS source, v.run_id AS run_id, v.model_id AS model_id, v.description AS description, v.user_id AS user_id,
    fromUnixTimestamp64Milli(v.created_at, 'UTC') AS created_at,
    fromUnixTimestamp64Milli(v.updated_at, 'UTC') AS updated_at,
    v.tags AS tags, v.registered_model_id AS registered_model_id
FROM (SELECT * FROM model_versions FINAL WHERE lifecycle_stage = 'active') AS v
INNER JOIN (SELECT * FROM registered_models FINAL WHERE lifecycle_stage = 'active') AS m
    ON v.registered_model_id = m.registered_model_id
COMMENT 'Versions of registered models';

ALTER TABLE v_models
    COMMENT COLUMN registered_model_id 'Id of the model: stays when it is renamed',
    COMMENT COLUMN name 'Name, unique among models',
    COMMENT COLUMN description 'What the model is for',
    COMMENT COLUMN created_at 'When it was created, by the producer''s clock',
    COMMENT COLUMN updated_at 'When it or a version was last changed; tags and aliases do not count',
    COMMENT COLUMN tags 'Key to value; the last value set stands',
    COMMENT COLUMN aliases 'Alias to version number',
    COMMENT COLUMN stages 'Version number to stage',
    COMMENT COLUMN conflicts 'Events that lost a race, each a JSON object, in log order';

ALTER TABLE v_model_versions
    COMMENT COLUMN name 'The model''s name',
    COMMENT COLUMN version 'Number of the version, from 1',
    COMMENT COLUMN stage 'None, Staging, Production or Archived',
    COMMENT COLUMN aliases 'Aliases that point at the version, sorted',
    COMMENT COLUMN source 'URI of the artifacts as given',
    COMMENT COLUMN run_id 'Run that made the model; empty where it is not known',
    COMMENT COLUMN model_id 'Logged model that it was made of; empty where it is not known',
    COMMENT COLUMN description 'What is special about the version',
    COMMENT COLUMN user_id 'Who registered it; empty where it is not known',
    COMMENT COLUMN created_at 'When it was registered, by the producer''s clock',
    COMMENT COLUMN updated_at 'When it was last changed; tags do not count',
    COMMENT COLUMN tags 'Key to value; the last value set stands',
    COMMENT COLUMN registered_model_id 'The model''s id';
