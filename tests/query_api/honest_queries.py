# ruff: noqa: E501
"""What analysts send to POST /api/v1/sql: the guard must leave its meaning alone."""

PARAMETERS = {
    "run": "r00",
    "key": "loss",
    "n": 2,
    "ids": ["r00", "r03"],
    "limit": 0.4,
}

HONEST = r"""
SELECT count() FROM v_runs
SELECT status, count() AS n FROM trackstream.v_runs GROUP BY status ORDER BY n DESC, status
SELECT run_id, value FROM v_latest_metrics WHERE key = 'loss' ORDER BY value, run_id LIMIT 5
SELECT r.run_id, m.value AS loss, r.params['lr'] AS lr FROM v_runs AS r JOIN v_latest_metrics AS m ON m.run_id = r.run_id WHERE m.key = 'loss' ORDER BY r.run_id
SELECT key, quantile(0.9)(value), avg(value), min(value), max(value) FROM v_metrics GROUP BY key ORDER BY key
SELECT run_id, argMin(step, value) AS best_step, min(value) FROM v_metrics WHERE key = 'loss' GROUP BY run_id ORDER BY run_id
SELECT params['lr'] AS lr, avgIf(value, key = 'acc') AS acc FROM v_latest_metrics AS m INNER JOIN v_runs USING (run_id) GROUP BY lr ORDER BY lr
WITH best AS (SELECT run_id, min(value) AS v FROM v_metrics WHERE key = 'loss' GROUP BY run_id) SELECT * FROM best ORDER BY v, run_id
WITH a AS (SELECT run_id FROM v_runs), b AS (SELECT run_id FROM a WHERE run_id != 'r00') SELECT count() FROM b
WITH a AS (SELECT run_id FROM v_runs) SELECT a.run_id, x.run_id FROM a INNER JOIN a AS x ON x.run_id = a.run_id ORDER BY a.run_id
WITH a AS (SELECT run_id FROM v_runs WHERE user_id = 'bob') SELECT run_id FROM v_tags WHERE run_id IN a ORDER BY run_id, key
WITH a AS (SELECT run_id FROM v_runs WHERE user_id = 'bob') SELECT * FROM (SELECT run_id FROM a) ORDER BY run_id
WITH 0.5 AS threshold SELECT count() FROM v_latest_metrics WHERE value < threshold
WITH (SELECT max(value) FROM v_latest_metrics WHERE isFinite(value)) AS top SELECT key, value / top FROM v_latest_metrics ORDER BY key, run_id
SELECT run_id, step, value, value - lagInFrame(value) OVER (PARTITION BY run_id ORDER BY step ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS d FROM v_metrics WHERE key = 'acc' ORDER BY run_id, step
SELECT run_id, row_number() OVER (PARTITION BY key ORDER BY value DESC, run_id) AS place FROM v_latest_metrics ORDER BY key, place LIMIT 3 BY key
SELECT sum(value) OVER w AS s FROM v_metrics WHERE key = 'acc' WINDOW w AS (PARTITION BY run_id ORDER BY step) ORDER BY run_id, step
SELECT toStartOfInterval(start_time, INTERVAL 1 HOUR) AS hour, count() FROM v_runs GROUP BY hour ORDER BY hour
SELECT dateDiff('second', start_time, end_time) AS s, duration_seconds FROM v_runs ORDER BY run_id
SELECT arrayJoin(mapKeys(params)) AS p, count() FROM v_runs GROUP BY p ORDER BY p
SELECT run_id, k, v FROM v_runs ARRAY JOIN mapKeys(tags) AS k, mapValues(tags) AS v ORDER BY run_id, k
SELECT run_id, arrayMap(k -> upper(k), mapKeys(params)) AS keys FROM v_runs ORDER BY run_id
SELECT run_id, arrayFilter((k, v) -> v != '' AND k LIKE 'l%', mapKeys(params), mapValues(params)) FROM v_runs ORDER BY run_id
SELECT mapFilter((k, v) -> k = 'lr', params) AS m FROM v_runs ORDER BY run_id
SELECT uniqExact(run_id), uniqIf(run_id, key = 'acc'), arraySort(groupUniqArray(3)(key)) AS g FROM v_metrics WHERE key = 'acc'
SELECT run_id FROM v_runs WHERE has(mapKeys(tags), 'team') AND tags['team'] ILIKE '%VISION%' ORDER BY 1
SELECT run_id FROM v_runs WHERE run_id IN (SELECT run_id FROM v_params WHERE key = 'lr' AND value IN ('0.1', '0.01')) ORDER BY run_id
SELECT run_id FROM v_runs WHERE run_id NOT IN (SELECT run_id FROM v_tags WHERE key = 'team') ORDER BY run_id
SELECT run_id FROM v_runs WHERE (run_id, status) IN (('r00', 'FINISHED'), ('r02', 'FAILED')) ORDER BY run_id
SELECT run_id FROM v_runs WHERE (run_id, status) IN (SELECT run_id, 'FINISHED' FROM v_tags) ORDER BY run_id
SELECT run_id FROM (SELECT run_id FROM v_params WHERE key = 'lr' UNION DISTINCT SELECT run_id FROM v_tags WHERE key = 'team') ORDER BY run_id
SELECT x FROM (SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 3) ORDER BY x
SELECT count() FROM (SELECT run_id FROM v_params INTERSECT SELECT run_id FROM v_tags)
SELECT count() FROM (SELECT run_id FROM v_runs EXCEPT SELECT run_id FROM v_tags)
SELECT value FROM v_metrics WHERE run_id = {run:String} AND key = {key:String} ORDER BY step LIMIT {n:UInt32}
SELECT run_id FROM v_runs WHERE run_id IN {ids:Array(String)} ORDER BY run_id
SELECT run_id FROM v_latest_metrics WHERE key = {key: String} AND value < {limit:Float64} AND has({ids:Array(String)}, run_id)
SELECT if(status = 'FINISHED', 'done', 'open') AS state, multiIf(duration_seconds > 50, 'long', 'short') AS l, count() FROM v_runs GROUP BY state, l ORDER BY state, l
SELECT status = 'FINISHED' ? 'done' : 'open' AS state FROM v_runs ORDER BY run_id
SELECT CASE WHEN value < 0.3 THEN 'good' ELSE 'bad' END AS verdict, count() FROM v_latest_metrics GROUP BY verdict ORDER BY verdict
SELECT CASE status WHEN 'FINISHED' THEN 1 WHEN 'FAILED' THEN 2 END AS code FROM v_runs ORDER BY run_id
SELECT toFloat64OrNull(params['lr']) AS lr, CAST(params['lr'] AS Nullable(String)) AS s, params['bs']::String, cast(1, 'Int8') FROM v_runs ORDER BY run_id
SELECT name, coalesce(end_time, start_time) AS e, formatDateTime(start_time, '%Y-%m-%d') FROM v_runs ORDER BY run_id
SELECT toYear(start_time), EXTRACT(MONTH FROM start_time), date_trunc('day', start_time), toDate(start_time) - 7, start_time + INTERVAL 2 DAY FROM v_runs ORDER BY run_id
SELECT event_type, JSONExtractString(payload, 'run_id') AS r, count() FROM v_events GROUP BY ALL ORDER BY ALL
SELECT path, formatReadableSize(size), splitByChar('/', path)[-1] AS file_name FROM v_artifacts ORDER BY path
SELECT status, count() FROM v_runs GROUP BY status WITH TOTALS ORDER BY status
SELECT status, user_id, count() FROM v_runs GROUP BY ROLLUP(status, user_id) ORDER BY status, user_id
SELECT * EXCEPT (inputs, conflicts) FROM v_runs ORDER BY run_id
SELECT r.* FROM v_runs AS r ORDER BY r.run_id
SELECT e.name, count(r.run_id) FROM v_experiments AS e LEFT JOIN v_runs AS r ON r.experiment_id = e.experiment_id GROUP BY e.name ORDER BY e.name
SELECT a.run_id, a.step, b.step FROM v_metrics AS a ASOF JOIN (SELECT * FROM v_metrics WHERE step = 1 AND key = 'acc') AS b ON a.run_id = b.run_id AND a.step >= b.step WHERE a.key = 'acc' ORDER BY a.run_id, a.step
SELECT run_id FROM v_runs AS r ANTI LEFT JOIN v_tags AS t ON r.run_id = t.run_id ORDER BY run_id
SELECT count() FROM v_experiments, v_artifacts
SELECT key, corr(step, value), stddevPop(value), median(value), topK(1)(run_id) FROM v_metrics WHERE isFinite(value) AND key = 'acc' GROUP BY key ORDER BY key
SELECT run_id, name FROM v_runs WHERE name = 'it''s' OR name = 'it\'s' OR name LIKE '100\%\_%' ORDER BY run_id
SELECT 'tab\tnewline\nbackslash\\quote\'\'', '\x41\0', 'ünïcødé 😀', "run_id" FROM v_runs ORDER BY `run_id` LIMIT 1
SELECT 1 /* a comment */ AS one, 'a -- no comment' AS two -- the end
SELECT max(step) FILTER (WHERE key = 'acc') AS m FROM v_metrics
SELECT run_id, value FROM v_latest_metrics WHERE NOT isNaN(value) ORDER BY value DESC NULLS LAST, run_id LIMIT 2 OFFSET 1;
SELECT end_time FROM v_runs ORDER BY end_time ASC NULLS FIRST, run_id
SELECT step FROM v_metrics WHERE key = 'acc' AND run_id = 'r00' ORDER BY step WITH FILL FROM 0 TO 5
SELECT `run_id` AS "the run" FROM `v_runs` ORDER BY "the run"
SELECT count() FROM v_runs WHERE start_time > toDateTime64('2020-01-01 00:00:00', 3, 'UTC') AND start_time < now() + toIntervalYear(100)
SELECT sumMap(map(key, 1)) FROM v_params
SELECT exists(SELECT 1 FROM v_runs WHERE status = 'FAILED') AS some_failed
SELECT quantilesExact(0.25, 0.75)(value) FROM v_latest_metrics WHERE NOT isNaN(value)
SELECT run_id, end_time IS NULL AS running, user_id <> '' AND NOT (status = 'FAILED') OR xor(1, 0), -1 - -2, 7 % 4, intDiv(7, 2) FROM v_runs ORDER BY run_id
SELECT 1e3, 0x1F, .5, 5., 1_000, NULL, true, [1, 2], (1, 'a').2, map('a', 1)['a'], [[1], []][1], 'a' || 'b'
FROM v_runs SELECT run_id ORDER BY run_id
SELECT DISTINCT key FROM v_params ORDER BY key LIMIT 1, 2
SELECT round(avg(value), 3) AS mean FROM v_latest_metrics WHERE isFinite(value) AND key = 'acc' HAVING mean > 0
SELECT params.keys, tags.values FROM v_runs ORDER BY run_id
SELECT k, count(*) AS n FROM (SELECT arrayJoin(arraySort(x -> -x, range(3))) AS k) GROUP BY k ORDER BY k
SELECT count(DISTINCT run_id), countIf(value > 0.5), any(key) FROM v_latest_metrics WHERE key = 'acc'
SELECT substring(run_id, 1, 1), trim(BOTH ' ' FROM ' a '), trim(' b '), position(run_id, '0'), replaceRegexpAll(run_id, 'r', 'R'), left(run_id, 2) FROM v_runs ORDER BY run_id
SELECT value BETWEEN 0 AND 0.5 AS inside, count() FROM v_latest_metrics GROUP BY inside ORDER BY inside
SELECT (SELECT count() FROM v_runs) AS runs, (SELECT count() FROM v_params) AS params
(SELECT run_id FROM v_runs ORDER BY run_id LIMIT 1)
"""
