"""What people might send to POST /api/v1/sql to read, write or find out more than the views hold."""

REFUSED = r"""
SELECT * FROM file('/etc/passwd')
SELECT file('/etc/passwd')
SELECT `file`('/etc/passwd')
SELECT "file"('/etc/passwd')
SELECT FILE('/etc/passwd')
SELECT fi/**/le('/etc/passwd')
SELECT file /* x */ ('/etc/passwd')
SELECT file -- x
SELECT arrayMap(file, ['/etc/passwd'])
SELECT arrayMap((file), ['/etc/passwd'])
SELECT arrayMap(`file`, ['/etc/passwd'])
SELECT arrayMap(file AS f, ['/etc/passwd']), (SELECT 1 AS file)
SELECT arrayMap(file, ['/etc/passwd']) FROM v_runs, (SELECT 1 AS file) AS x
SELECT arrayMap(x -> file(x), ['/etc/passwd'])
SELECT arrayFirst(file, ['/etc/passwd'])
SELECT arrayFold(file, ['/etc/passwd'], '')
SELECT mapApply(file, map('a', 'b'))
SELECT arraySort(upper, ['a'])
WITH (x -> file(x)) AS f SELECT f('/etc/passwd')
WITH file AS f SELECT arrayMap(f, ['/etc/passwd'])
SELECT * FROM url('http://127.0.0.1/', CSV)
SELECT * FROM s3('http://127.0.0.1/x')
SELECT * FROM remote('127.0.0.1', system.one)
SELECT * FROM remoteSecure('127.0.0.1', system.one)
SELECT * FROM executable('x.sh', TSV, 'a String')
SELECT * FROM mysql('h', 'd', 't', 'u', 'p')
SELECT * FROM postgresql('h', 'd', 't', 'u', 'p')
SELECT * FROM sqlite('/tmp/x.db', 't')
SELECT * FROM python('x')
SELECT * FROM Python(x)
SELECT * FROM hdfs('hdfs://x')
SELECT * FROM deltaLake('/x')
SELECT * FROM iceberg('/x')
SELECT * FROM fileCluster('c', '/etc/passwd')
SELECT * FROM 'file.csv'
SELECT * FROM '/etc/passwd'
SELECT * FROM `/etc/passwd`
SELECT * FROM system.users
SELECT * FROM `system`.`users`
SELECT * FROM "system"."users"
SELECT * FROM system . users
SELECT * FROM system./**/users
SELECT * FROM information_schema.tables
SELECT * FROM INFORMATION_SCHEMA.TABLES
SELECT * FROM runs
SELECT * FROM metric_points
SELECT * FROM trackstream.runs
SELECT * FROM default.v_runs
SELECT * FROM V_RUNS
SELECT * FROM `v_runs `
SELECT 1 IN system.tables
SELECT 1 IN runs
SELECT 1 IN (runs)
SELECT 1 IN ((runs))
SELECT 1 IN (runs,)
SELECT 1 IN tuple(runs)
SELECT 1 GLOBAL IN runs
SELECT 1 NOT IN runs
SELECT 1 IN `runs`
SELECT run_id FROM v_runs WHERE run_id IN runs
SELECT run_id FROM v_runs WHERE run_id IN trackstream.runs
SELECT run_id AS runs FROM v_runs WHERE run_id IN runs
SELECT in(1, runs)
SELECT `in`(1, runs)
SELECT globalIn(1, runs)
SELECT notIn('a', trackstream.runs)
SELECT nullIn('a', runs)
SELECT (SELECT count() FROM runs)
SELECT (SELECT * FROM file('/etc/passwd'))
SELECT 1 WHERE EXISTS (SELECT 1 FROM runs)
SELECT 1 WHERE 1 = ANY(SELECT 1 FROM runs)
WITH x AS (SELECT * FROM file('/etc/passwd')) SELECT * FROM x
WITH x AS (SELECT 1) SELECT * FROM v_runs WHERE 1 = (SELECT 1 FROM url('http://127.0.0.1'))
WITH runs AS (SELECT * FROM runs) SELECT * FROM runs
WITH b AS (SELECT * FROM runs), runs AS (SELECT 1) SELECT * FROM b
SELECT * FROM (WITH runs AS (SELECT 1) SELECT * FROM runs), runs
SELECT * FROM v_runs WHERE 1 IN (WITH runs AS (SELECT 1) SELECT * FROM runs) UNION ALL SELECT * FROM runs
WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT * FROM t
WITH 1 AS runs SELECT * FROM runs
WITH v_runs AS (SELECT 1) SELECT * FROM trackstream.v_runs
SELECT 1; SELECT 2
SELECT 1; DROP TABLE runs
EXPLAIN SELECT 1
EXPLAIN AST SELECT 1
SELECT * FROM (EXPLAIN SELECT 1)
SELECT * FROM viewExplain('EXPLAIN', '', (SELECT 1))
DESCRIBE runs
DESC v_runs
SHOW TABLES
SHOW CREATE TABLE runs
INSERT INTO runs SELECT * FROM runs
INSERT INTO FUNCTION file('/tmp/x') SELECT 1
WITH 1 AS x INSERT INTO runs SELECT x
CREATE TABLE x (a Int8) ENGINE = Kafka
CREATE TABLE x ENGINE = Memory AS SELECT 1
CREATE VIEW x AS SELECT 1
CREATE FUNCTION f AS x -> x
CREATE USER x
DROP TABLE runs
ALTER TABLE runs DELETE WHERE 1
UPDATE runs SET name = '' WHERE 1
DELETE FROM runs WHERE 1
TRUNCATE TABLE runs
RENAME TABLE runs TO x
EXCHANGE TABLES runs AND x
SET readonly = 0
USE system
KILL QUERY WHERE 1
SYSTEM SHUTDOWN
OPTIMIZE TABLE runs
GRANT ALL ON *.* TO x
ATTACH TABLE x
DETACH TABLE runs
BEGIN TRANSACTION
CHECK TABLE runs
EXISTS TABLE runs
BACKUP TABLE runs TO Disk('a', 'b')
EXECUTE AS x SELECT 1
SELECT 1 INTO OUTFILE '/tmp/x'
SELECT 1 INTO OUTFILE '/tmp/x' TRUNCATE FORMAT CSV
SELECT 1 FORMAT JSON
SELECT 1 FORMAT `JSON`
SELECT 1 SETTINGS readonly = 0
SELECT 1 SETTINGS max_execution_time = 0 FORMAT JSON
SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)
SELECT 1 UNION ALL SELECT 2 SETTINGS max_threads = 64
SELECT 1 UNION ALL SELECT 2 FORMAT CSV
SELECT * FROM view(SELECT 1)
SELECT * FROM viewIfPermitted(SELECT 1 ELSE null('x Int8'))
SELECT * FROM cluster('default', system.one)
SELECT * FROM clusterAllReplicas('default', system.one)
SELECT * FROM merge('system', '.*')
SELECT * FROM merge(REGEXP('.*'), 'runs')
SELECT * FROM generateRandom('a Int8')
SELECT * FROM generate_series(1, 10)
SELECT * FROM input('a Int8')
SELECT * FROM values('a Int8', 1)
SELECT * FROM VALUES('a Int8', 1)
SELECT * FROM (VALUES (1))
SELECT * FROM format(CSV, '1')
SELECT * FROM loop(v_runs)
SELECT * FROM fuzzQuery('SELECT 1')
SELECT * FROM fuzzJSON('{}')
SELECT * FROM numbers(10)
SELECT * FROM zeros(1)
SELECT * FROM null('x Int8')
SELECT * FROM dictionary('x')
SELECT * FROM mergeTreeIndex(currentDatabase(), 'runs')
SELECT * FROM mergeTreeProjection('trackstream', 'runs', 'p')
SELECT * FROM timeSeriesData('x')
SELECT * FROM v_runs FINAL
SELECT * FROM v_runs SAMPLE 0.5
SELECT * FROM v_runs PIVOT (sum(x) FOR y IN ('a'))
SELECT * FROM v_runs, LATERAL (SELECT 1)
SELECT * FROM v_runs JOIN system.one ON 1
SELECT * FROM v_runs GLOBAL ANY LEFT JOIN file('/etc/passwd') AS f ON 1
SELECT * FROM v_runs ARRAY JOIN file('/etc/passwd') AS x
SELECT * FROM v_runs ARRAY JOIN runs
SELECT * FROM v_runs ARRAY JOIN system.one
SELECT * FROM v_runs ORDER BY file('/etc/passwd')
SELECT * FROM v_runs LIMIT file('/etc/passwd')
SELECT * FROM v_runs LIMIT 1 BY file('/etc/passwd')
SELECT * FROM v_runs GROUP BY file('/etc/passwd') WITH TOTALS
SELECT count() OVER (ORDER BY file('/etc/passwd')) FROM v_runs
SELECT count() OVER w FROM v_runs WINDOW w AS (ORDER BY file('/etc/passwd'))
SELECT quantile(file('/etc/passwd'))(1)
SELECT 1 AS `x`, [file('/etc/passwd')], (file('/etc/passwd'), 1), map(1, file('/etc/passwd'))
SELECT CAST(file('/etc/passwd') AS String)
SELECT file('/etc/passwd')::String
SELECT CASE WHEN file('/etc/passwd') = '' THEN 1 END
SELECT EXTRACT(YEAR FROM file('/etc/passwd'))
SELECT TRIM(BOTH file('/etc/passwd') FROM 'a')
SELECT INTERVAL file('/etc/passwd') DAY
SELECT * REPLACE (file('/etc/passwd') AS name) FROM v_runs
SELECT * APPLY(file) FROM v_runs
SELECT * APPLY file FROM v_runs
SELECT * APPLY(x -> file(x)) FROM v_runs
SELECT COLUMNS('.*') APPLY(file) FROM v_runs
SELECT COLUMNS('run') FROM v_runs
SELECT {t:Identifier} FROM v_runs
SELECT * FROM {t:Identifier}
SELECT {t:AggregateFunction(sum, UInt64)}
SELECT getSetting('max_threads')
SELECT getServerSetting('x')
SELECT getMacro('x')
SELECT globalVariable('version')
SELECT @@version
SELECT hostName()
SELECT hostname()
SELECT FQDN()
SELECT tcpPort()
SELECT currentUser()
SELECT current_user
SELECT CURRENT_USER
SELECT user
SELECT user()
SELECT currentDatabase
SELECT currentDatabase()
SELECT database()
SELECT version()
SELECT uptime()
SELECT serverUUID()
SELECT queryID()
SELECT showCertificate()
SELECT filesystemAvailable()
SELECT sleep(3)
SELECT sleepEachRow(1) FROM v_runs
SELECT addressToSymbol(1)
SELECT addressToLine(1)
SELECT demangle('x')
SELECT logTrace('x')
SELECT catboostEvaluate('/x', 1)
SELECT evalMLMethod(1)
SELECT naiveBayesClassifier('m', 'x')
SELECT aiGenerate('x')
SELECT dictGet('d', 'a', 1)
SELECT dictGetString('d', 'a', 1)
SELECT joinGet('t', 'a', 1)
SELECT hasColumnInTable('system', 'one', 'dummy')
SELECT regionToName(1)
SELECT my_executable_udf(1)
SELECT arrayReduce('sum', [1])
SELECT initializeAggregation('sum', 1)
SELECT finalizeAggregation(1)
SELECT sumState(1)
SELECT sumStateIf(1, 1)
SELECT sumMerge(x) FROM (SELECT CAST('a' AS AggregateFunction(sum, UInt64)) AS x)
SELECT CAST('a' AS AggregateFunction(sum, UInt64))
SELECT reinterpretAsString(1)
SELECT throwIf(1)
SELECT ignore(1)
SELECT structureToCapnProtoSchema('a Int8')
SELECT formatQuery('SELECT 1')
SELECT __getScalar('x')
SELECT _CAST(1, 'Int8')
SELECT rand()
SELECT generateUUIDv4()
SELECT 'x'('y')
SELECT ‘a’
SELECT 1 − 1
SELECT fіle('/etc/passwd')
SELECT ｆｉｌｅ('/etc/passwd')
SELECT 'a\' , file('/etc/passwd') , \'b'
SELECT 'a\\', file('/etc/passwd'), '\\b'
SELECT "a\", file('/etc/passwd') AS "b"
SELECT `a``b`, file('/etc/passwd')
SELECT '\x27', file('/etc/passwd'), '\x27'
SELECT $$a$$, file('/etc/passwd'), $$b$$
SELECT 1 //* file
SELECT /*+ hint */ * FROM runs
SELECT 1 PARALLEL WITH SELECT 2
SELECT 7 DIV 2
SELECT 1 AS x QUALIFY file('/etc/passwd') = ''
TABLE runs
FROM runs SELECT *
VALUES (1)
(SELECT * FROM runs)
((SELECT 1) UNION ALL (SELECT * FROM runs))
SELECT 1 INTERSECT SELECT * FROM runs
SELECT 1 EXCEPT SELECT count() FROM runs
;
SELEC 1
)
'
"""

# Nothing is wrong with these but their look: the guard lets them pass and the engine must do no harm.
HARMLESS = r"""
SELECT $$file('/etc/passwd')$$
SELECT 'file(''/etc/passwd'')'
SELECT '\'); SELECT file(\'/etc/passwd\')'
SELECT 1 # file('/etc/passwd')
SELECT 1 -- file('/etc/passwd')
SELECT 1 /* ; DROP TABLE runs */
SELECT 1 AS file, 2 AS `system.users`, 3 AS "x; DROP TABLE runs"
SELECT "file" FROM (SELECT 'x' AS file)
WITH runs AS (SELECT 'mine' AS x) SELECT x FROM runs UNION ALL SELECT x FROM runs
WITH v_runs AS (SELECT run_id FROM v_runs) SELECT count() FROM v_runs
WITH runs AS (SELECT 'mine') SELECT 'mine' IN runs
SELECT {t:String}
SELECT 1 /* /* */ , file('/etc/passwd') -- */
"""


def lines(text: str) -> list[str]:
    return [line for line in text.strip("\n").split("\n") if line]
