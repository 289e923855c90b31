"""`python -m benchmarks.empty_handler PORT`: a FastAPI app that does nothing, the floor of any Python server.

It parses the JSON body and answers what the stock MLflow client can read.
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI

app = FastAPI()
_RUN = {
    "info": {
        "run_id": "0" * 32,
        "run_uuid": "0" * 32,
        "run_name": "x",
        "experiment_id": "0",
        "user_id": "x",
        "status": "RUNNING",
        "start_time": 0,
        "artifact_uri": "mlflow-artifacts:/0",
        "lifecycle_stage": "active",
    },
    "data": {},
    "inputs": {},
}


@app.get("/health")
def health() -> str:
    return "OK"


@app.post("/api/2.0/mlflow/runs/create")
async def create_run(body: dict[str, Any]) -> dict[str, Any]:
    return {"run": _RUN}


@app.post("/api/2.0/mlflow/runs/log-metric")
async def log_metric(body: dict[str, Any]) -> dict[str, Any]:
    return {}


@app.post("/api/2.0/mlflow/runs/log-batch")
async def log_batch(body: dict[str, Any]) -> dict[str, Any]:
    return {}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
