"""OpenTelemetry's own endpoint, which the client tries for single spans first.

It is told that there is none here, in the words that make it upload each trace's spans as a file instead
(mlflow.tracing.export.mlflow_v3.MlflowV3SpanExporter._log_spans).
"""

from fastapi import APIRouter, Response

from trackstream_api.mlflow.errors import NotImplementedHere

root_router = APIRouter()


@root_router.post("/v1/traces", include_in_schema=False)
async def export() -> Response:
    """Refuse: spans come as a file of their trace."""
    raise NotImplementedHere("REST OTLP span logging is not supported by Trackstream: upload traces.json")
