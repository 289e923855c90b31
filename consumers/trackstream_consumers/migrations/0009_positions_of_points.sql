-- Columns that a store made before them lacks (0002 has them by now). Such a store's tables keep their engines
-- without a version, which is what settles double appends and rewinds; `trackstream replay` makes them anew.

ALTER TABLE metric_points
    ADD COLUMN IF NOT EXISTS partition UInt16 COMMENT 'Log partition' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS earliness UInt64 DEFAULT 18446744073709551615 COMMENT 'Complement of the log offset: of several appends the first has most' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS offset UInt64 ALIAS bitNot(earliness) COMMENT 'Log offset of the event that carried the point; 0 for points of stores from before this column';

ALTER TABLE latest_metrics
    ADD COLUMN IF NOT EXISTS is_deleted UInt8 COMMENT '1 where a rewind has left the metric without points';

-- Ranks used to begin with the step. Those of today are above all of them, so what is inserted here replaces them.
INSERT INTO latest_metrics (key, run_id, value, step, timestamp, rank)
SELECT
    key, run_id, value, step, timestamp,
    bitShiftLeft(toUInt256(18446744069414584321), 192)
    + bitShiftLeft(toUInt256(bitXor(reinterpretAsUInt64(step), 9223372036854775808)), 128)
    + bitShiftLeft(toUInt256(bitXor(reinterpretAsUInt64(timestamp), 9223372036854775808)), 64)
    + toUInt256(if(reinterpretAsUInt64(value) >= 9223372036854775808, bitNot(reinterpretAsUInt64(value)), bitOr(reinterpretAsUInt64(value), 9223372036854775808)) + 4503599627370495)
FROM latest_metrics FINAL
WHERE rank < bitShiftLeft(toUInt256(18446744069414584320), 192);
