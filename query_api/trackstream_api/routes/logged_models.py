"""Logged models by id; they are made and searched through MLflow's face."""

from typing import Annotated

from fastapi import APIRouter, Path

from trackstream_api.barrier import reading
from trackstream_api.models.base import Reply
from trackstream_api.models.logged_models import LoggedModel
from trackstream_api.queries import logged_models
from trackstream_api.routes.parameters import Consistency, StoreOf
from trackstream_schemas import topics

router = APIRouter(prefix="/api/v1/logged-models", tags=["logged models"])


@router.get("/{model_id}", response_model=LoggedModel, summary="Get a logged model")
def get(
    store: StoreOf,
    model_id: Annotated[str, Path(description="The model's id")],
    consistency: Consistency = "strong",
) -> Reply:
    """Active or deleted, with every measurement."""
    with reading(store, (topics.LOGGED_MODELS,), consistency) as headers:
        return Reply(logged_models.get(store.engine, model_id), headers=headers)
