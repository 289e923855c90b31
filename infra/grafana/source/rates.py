"""What Prometheus samples of servers and consumers: throughput, lag, requests.

Replicas of the API tell the same positions, so the greatest of them counts. Consumers that run on their own
tell more than a server with projectors in it.
"""

from __future__ import annotations

from panels import promql, timeseries

POINTS = timeseries(
    "Points stored",
    "Growth of the points that readers see, from Prometheus.",
    promql('max(deriv(trackstream_rows{kind="points"}[$__rate_interval]))', "points"),
    unit="cps",
)
RECORDS = timeseries(
    "Records projected",
    "By projector, from Prometheus. A record is one event, which may carry many points.",
    promql(
        "sum by (projector) (max by (projector, topic, partition)"
        " (deriv(trackstream_projected_offset[$__rate_interval])))",
        "{{projector}}",
    ),
    unit="cps",
)
LAG = timeseries(
    "Age of the oldest record not projected",
    "What a reader may have to wait for, from Prometheus.",
    promql("max(trackstream_lag_seconds)", "lag"),
    unit="s",
)
BEHIND = timeseries(
    "Records behind",
    "On the log and not yet projected, from Prometheus.",
    promql(
        "sum by (projector, topic) (max by (projector, topic, partition) (trackstream_records_behind))",
        "{{projector}} {{topic}}",
    ),
)
FLUSHES = timeseries(
    "Time of a flush",
    "Of consumers that run on their own (`trackstream consume`), from Prometheus.",
    promql(
        "sum by (projector) (rate(trackstream_flush_seconds_total[$__rate_interval]))"
        " / sum by (projector) (rate(trackstream_flushes_total[$__rate_interval]))",
        "{{projector}}",
    ),
    unit="s",
)
REQUESTS = timeseries(
    "Requests",
    "By route, from Prometheus.",
    promql("sum by (route) (rate(trackstream_requests_total[$__rate_interval]))", "{{route}}"),
    unit="reqps",
)
ANSWERS = timeseries(
    "Time to answer",
    "95 % are faster, by route, from Prometheus.",
    promql(
        "histogram_quantile(0.95, sum by (le, route)"
        " (rate(trackstream_request_duration_seconds_bucket[$__rate_interval])))",
        "{{route}}",
    ),
    unit="s",
)
ERRORS = timeseries(
    "Errors of the server",
    "Answers of 500 and above, from Prometheus.",
    promql(
        'sum by (status) (rate(trackstream_requests_total{status=~"5.."}[$__rate_interval]))', "{{status}}"
    ),
    unit="reqps",
)
