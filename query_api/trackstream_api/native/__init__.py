"""The native stack: Kafka, MinIO and ClickHouse's protocol as plain processes, for machines without Docker.

`stack.up` starts it; `trackstream dev` is its command line. Kafka and MinIO are the real servers; behind
ClickHouse's protocol is chDB (see `trackstream_api.clickhouse_front`), not a ClickHouse server.
"""
