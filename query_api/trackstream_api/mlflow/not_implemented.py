"""The endpoints of MLflow's that this server knowingly leaves out: 501 with MLflow's error body.

One table, which docs/mlflow-compatibility.md is written from. An endpoint that gets a handler leaves it.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from trackstream_api.mlflow.errors import NotImplementedHere

ENDPOINTS: tuple[tuple[str, str], ...] = (
    ("/2.0/mlflow/unified-traces", "GET"),
    ("/2.0/mlflow/get-online-trace-details", "GET"),
    ("/3.0/mlflow/traces/calculate-filter-correlation", "POST"),
    ("/3.0/mlflow/traces/metrics", "POST"),
    ("/3.0/mlflow/workspaces", "GET POST"),
    ("/3.0/mlflow/workspaces/{workspace_name}", "GET PATCH DELETE"),
    ("/3.0/mlflow/issues", "POST"),
    ("/3.0/mlflow/issues/{issue_id}", "PATCH GET"),
    ("/3.0/mlflow/issues/search", "POST"),
    ("/3.0/mlflow/label-schemas/create", "POST"),
    ("/3.0/mlflow/label-schemas/get", "GET"),
    ("/3.0/mlflow/label-schemas/get-by-name", "GET"),
    ("/3.0/mlflow/label-schemas/list", "GET"),
    ("/3.0/mlflow/label-schemas/update", "PATCH"),
    ("/3.0/mlflow/label-schemas/delete", "DELETE"),
    ("/3.0/mlflow/datasets/create", "POST"),
    ("/3.0/mlflow/datasets/{dataset_id}", "GET DELETE"),
    ("/3.0/mlflow/datasets/search", "POST GET"),
    ("/3.0/mlflow/datasets/{dataset_id}/tags", "PATCH"),
    ("/3.0/mlflow/datasets/{dataset_id}/tags/{key}", "DELETE"),
    ("/3.0/mlflow/datasets/{dataset_id}/records", "POST GET DELETE"),
    ("/3.0/mlflow/datasets/{dataset_id}/experiment-ids", "GET"),
    ("/3.0/mlflow/scorers/register", "POST"),
    ("/3.0/mlflow/scorers/list", "GET"),
    ("/3.0/mlflow/scorers/versions", "GET"),
    ("/3.0/mlflow/scorers/get", "GET"),
    ("/3.0/mlflow/scorers/delete", "DELETE"),
    ("/3.0/mlflow/datasets/{dataset_id}/add-experiments", "POST"),
    ("/3.0/mlflow/datasets/{dataset_id}/remove-experiments", "POST"),
    ("/3.0/mlflow/gateway/secrets/create", "POST"),
    ("/3.0/mlflow/gateway/secrets/get", "GET"),
    ("/3.0/mlflow/gateway/secrets/update", "POST"),
    ("/3.0/mlflow/gateway/secrets/delete", "DELETE"),
    ("/3.0/mlflow/gateway/secrets/list", "GET"),
    ("/3.0/mlflow/gateway/endpoints/create", "POST"),
    ("/3.0/mlflow/gateway/endpoints/get", "GET"),
    ("/3.0/mlflow/gateway/endpoints/update", "POST"),
    ("/3.0/mlflow/gateway/endpoints/delete", "DELETE"),
    ("/3.0/mlflow/gateway/endpoints/list", "GET"),
    ("/3.0/mlflow/gateway/model-definitions/create", "POST"),
    ("/3.0/mlflow/gateway/model-definitions/get", "GET"),
    ("/3.0/mlflow/gateway/model-definitions/list", "GET"),
    ("/3.0/mlflow/gateway/model-definitions/update", "POST"),
    ("/3.0/mlflow/gateway/model-definitions/delete", "DELETE"),
    ("/3.0/mlflow/gateway/endpoints/models/attach", "POST"),
    ("/3.0/mlflow/gateway/endpoints/models/detach", "POST"),
    ("/3.0/mlflow/gateway/endpoints/bindings/create", "POST"),
    ("/3.0/mlflow/gateway/endpoints/bindings/delete", "DELETE"),
    ("/3.0/mlflow/gateway/endpoints/bindings/list", "GET"),
    ("/3.0/mlflow/gateway/endpoints/set-tag", "POST"),
    ("/3.0/mlflow/gateway/endpoints/delete-tag", "DELETE"),
    ("/3.0/mlflow/gateway/budgets/create", "POST"),
    ("/3.0/mlflow/gateway/budgets/get", "GET"),
    ("/3.0/mlflow/gateway/budgets/update", "POST"),
    ("/3.0/mlflow/gateway/budgets/delete", "DELETE"),
    ("/3.0/mlflow/gateway/budgets/list", "GET"),
    ("/3.0/mlflow/gateway/budgets/windows", "GET"),
    ("/3.0/mlflow/gateway/guardrails/create", "POST"),
    ("/3.0/mlflow/gateway/guardrails/get", "GET"),
    ("/3.0/mlflow/gateway/guardrails/delete", "DELETE"),
    ("/3.0/mlflow/gateway/guardrails/list", "GET"),
    ("/3.0/mlflow/gateway/guardrails/add-to-endpoint", "POST"),
    ("/3.0/mlflow/gateway/guardrails/remove-from-endpoint", "DELETE"),
    ("/3.0/mlflow/gateway/guardrails/list-for-endpoint", "GET"),
    ("/3.0/mlflow/gateway/guardrails/update-config", "PATCH"),
    ("/3.0/mlflow/prompt-optimization/jobs", "POST"),
    ("/3.0/mlflow/prompt-optimization/jobs/{job_id}", "GET DELETE"),
    ("/3.0/mlflow/prompt-optimization/jobs/search", "POST GET"),
    ("/3.0/mlflow/prompt-optimization/jobs/{job_id}/cancel", "POST"),
    ("/3.0/mlflow/review-queues/create", "POST"),
    ("/3.0/mlflow/review-queues/get-or-create-user", "POST"),
    ("/3.0/mlflow/review-queues/get", "GET"),
    ("/3.0/mlflow/review-queues/get-by-name", "GET"),
    ("/3.0/mlflow/review-queues/list", "GET"),
    ("/3.0/mlflow/review-queues/update", "POST"),
    ("/3.0/mlflow/review-queues/delete", "POST"),
    ("/3.0/mlflow/review-queues/items/add", "POST"),
    ("/3.0/mlflow/review-queues/items/remove", "POST"),
    ("/3.0/mlflow/review-queues/items/list", "GET"),
    ("/3.0/mlflow/review-queues/items/set-status", "POST"),
    ("/2.0/mlflow/runs/create-promptlab-run", "POST"),
)
"""(path, methods), paths without /api or /ajax-api."""

OUTSIDE: tuple[tuple[str, str], ...] = (("/graphql", "GET POST"),)
"""The same for paths that stand at the root."""

router = APIRouter()
root_router = APIRouter()


async def _refuse(request: Request) -> Response:
    raise NotImplementedHere(
        f"{request.method} {request.url.path} is an endpoint of MLflow that this server does not have"
        " (see docs/mlflow-compatibility.md)"
    )


for _path, _methods in ENDPOINTS:
    router.add_api_route(_path, _refuse, methods=_methods.split(), include_in_schema=False)
for _path, _methods in OUTSIDE:
    root_router.add_api_route(_path, _refuse, methods=_methods.split(), include_in_schema=False)
