"""ClickHouse's HTTP protocol in front of an engine that is not a ClickHouse server.

`create_front` gives read-only, guarded access to an `Engine` (`trackstream server --sql-port`);
`create_server_front` puts a whole chDB engine behind the protocol, as a stand-in for a server (the
native stack and the tests; `python -m trackstream_api.clickhouse_front`). Clients need not know:
clickhouse-connect, Grafana or curl speak to it as to a server of the same version.
"""

from trackstream_api.clickhouse_front.app import create_front, create_server_front

__all__ = ["create_front", "create_server_front"]
