-- Which generation of the tables is the live one: a replay that swaps them while consumers run elsewhere makes the
-- next, and writes its number here.

CREATE TABLE IF NOT EXISTS epochs
(
    number UInt32 COMMENT 'Counts the swaps; no row: 0'
)
ENGINE = ReplacingMergeTree ORDER BY number
COMMENT 'Generation of these tables; exchanged first of all, so that a consumer that is refused finds the new one';
