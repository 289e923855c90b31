"""The model registry through the stock client."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow import MlflowClient

    from tests.integration.processes import Server

SOURCE = "s3://bucket/model"


def refused(act: Callable[[], Any]) -> str:
    """Return the error code that MLflow's client raises."""
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException) as caught:
        act()
    return str(caught.value.error_code)


@pytest.fixture
def name(client: MlflowClient) -> str:
    """A registered model of the test's own."""
    return str(client.create_registered_model(f"model {new_id()}", {"team": "a"}, "finds faults").name)


def test_a_registered_model(client: MlflowClient, name: str) -> None:
    model = client.get_registered_model(name)
    assert (model.name, model.description, model.tags) == (name, "finds faults", {"team": "a"})
    assert model.creation_timestamp == model.last_updated_timestamp > 0
    assert (model.latest_versions, model.aliases) == ([], {})
    assert refused(lambda: client.create_registered_model(name)) == "RESOURCE_ALREADY_EXISTS"
    assert client.update_registered_model(name, "better").description == "better"
    client.set_registered_model_tag(name, "more", "1")
    client.delete_registered_model_tag(name, "team")
    assert client.get_registered_model(name).tags == {"more": "1"}
    client.rename_registered_model(name, f"{name}!")
    assert refused(lambda: client.get_registered_model(name)) == "RESOURCE_DOES_NOT_EXIST"
    assert client.get_registered_model(f"{name}!").description == "better"
    other = client.create_registered_model(name).name
    assert refused(lambda: client.rename_registered_model(other, f"{name}!")) == "RESOURCE_ALREADY_EXISTS"
    client.delete_registered_model(f"{name}!")
    assert refused(lambda: client.delete_registered_model(f"{name}!")) == "RESOURCE_DOES_NOT_EXIST"


def test_versions(client: MlflowClient, name: str, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    first = client.create_model_version(
        name, f"runs:/{run_id}/model", run_id, tags={"t": "1"}, run_link="http://x", description="d"
    )
    assert (first.name, first.version, first.run_id, first.status) == (name, "1", run_id, "READY")
    assert (first.source, first.run_link, first.description) == (f"runs:/{run_id}/model", "http://x", "d")
    assert (first.current_stage, first.tags, first.aliases, first.user_id) == ("None", {"t": "1"}, [], "")
    second = client.create_model_version(name, SOURCE)
    assert (second.version, second.run_id) == ("2", "")
    assert client.get_model_version(name, "1").tags == {"t": "1"}
    assert client.update_model_version(name, "1", "e").description == "e"
    client.set_model_version_tag(name, "1", "u", "2")
    client.delete_model_version_tag(name, "1", "t")
    assert client.get_model_version(name, "1").tags == {"u": "2"}
    assert client.get_model_version_download_uri(name, "1") == f"runs:/{run_id}/model"
    client.delete_model_version(name, "2")
    assert refused(lambda: client.get_model_version(name, "2")) == "RESOURCE_DOES_NOT_EXIST"
    assert client.create_model_version(name, SOURCE).version == "3"
    assert refused(lambda: client.create_model_version("nobody", SOURCE)) == "RESOURCE_DOES_NOT_EXIST"
    assert refused(lambda: client.create_model_version(name, "/etc")) == "INVALID_PARAMETER_VALUE"
    other = client.create_run(experiment_id).info.run_id
    wrong = f"runs:/{run_id}/model"
    assert refused(lambda: client.create_model_version(name, wrong, other)) == "INVALID_PARAMETER_VALUE"
    assert refused(lambda: client.get_model_version(name, "x")) == "INVALID_PARAMETER_VALUE"


def test_stages(client: MlflowClient, name: str) -> None:
    for _ in range(3):
        client.create_model_version(name, SOURCE)
    assert client.transition_model_version_stage(name, "1", "staging").current_stage == "Staging"
    client.transition_model_version_stage(name, "2", "Production")
    moved = client.transition_model_version_stage(name, "3", "Production", archive_existing_versions=True)
    assert moved.current_stage == "Production"
    assert client.get_model_version(name, "2").current_stage == "Archived"
    latest = client.get_latest_versions(name)
    assert {(item.version, item.current_stage) for item in latest} == {
        ("1", "Staging"),
        ("2", "Archived"),
        ("3", "Production"),
    }
    assert [item.version for item in client.get_latest_versions(name, ["production"])] == ["3"]
    assert {item.version for item in client.get_registered_model(name).latest_versions} == {"1", "2", "3"}
    assert (
        refused(lambda: client.transition_model_version_stage(name, "1", "no")) == "INVALID_PARAMETER_VALUE"
    )


def test_aliases(client: MlflowClient, name: str) -> None:
    for _ in range(2):
        client.create_model_version(name, SOURCE)
    client.set_registered_model_alias(name, "champion", "1")
    client.set_registered_model_alias(name, "champion", "2")
    client.set_registered_model_alias(name, "old", 1)
    assert client.get_registered_model(name).aliases == {"champion": "2", "old": "1"}
    assert client.get_model_version_by_alias(name, "champion").version == "2"
    assert client.get_model_version_by_alias(name, "champion").aliases == ["champion"]
    assert client.get_model_version_by_alias(name, "latest").version == "2"
    client.delete_registered_model_alias(name, "old")
    client.delete_registered_model_alias(name, "old")
    assert refused(lambda: client.get_model_version_by_alias(name, "old")) == "INVALID_PARAMETER_VALUE"
    for reserved in ("latest", "v2", "a b"):
        bad = refused(lambda alias=reserved: client.set_registered_model_alias(name, alias, "1"))
        assert bad == "INVALID_PARAMETER_VALUE"
    missing = refused(lambda: client.set_registered_model_alias(name, "x", "9"))
    assert missing == "RESOURCE_DOES_NOT_EXIST"
    client.delete_model_version(name, "2")
    assert client.get_registered_model(name).aliases == {}


def test_search(client: MlflowClient, name: str) -> None:
    for number in range(7):
        client.create_model_version(name, SOURCE, tags={"odd": str(number % 2)})
    found = client.search_model_versions(f"name='{name}'")
    assert [item.version for item in found] == ["7", "6", "5", "4", "3", "2", "1"]
    assert all(item.tags for item in found)
    page = client.search_model_versions(f"name='{name}'", max_results=3, order_by=["version_number ASC"])
    rest = client.search_model_versions(
        f"name='{name}'", max_results=9, order_by=["version_number ASC"], page_token=page.token
    )
    assert [item.version for item in [*page, *rest]] == ["1", "2", "3", "4", "5", "6", "7"]
    assert not rest.token
    odd = client.search_model_versions(f"name='{name}' and tags.odd='1' and version_number > 2")
    assert {item.version for item in odd} == {"4", "6"}
    assert [item.name for item in client.search_registered_models(f"name='{name}' and tags.team = 'a'")] == [
        name
    ]
    assert client.search_registered_models(f"name='{name}' and tags.team != 'a'") == []
    for wrong in ("run_id > 'x'", "nothing = 'x'", "name = x"):
        assert refused(lambda text=wrong: client.search_model_versions(text)) == "INVALID_PARAMETER_VALUE"
    assert refused(lambda: client.search_registered_models(max_results=1001)) == "INVALID_PARAMETER_VALUE"


def test_copies(client: MlflowClient, name: str, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    client.create_model_version(name, f"runs:/{run_id}/model", run_id, tags={"t": "1"})
    client.set_registered_model_alias(name, "champion", "1")
    copy = client.copy_model_version(f"models:/{name}@champion", f"{name} copy")
    assert (copy.name, copy.version, copy.source) == (f"{name} copy", "1", f"models:/{name}/1")
    assert (copy.run_id, copy.tags) == (run_id, {"t": "1"})
    assert client.get_model_version_download_uri(f"{name} copy", "1") == f"runs:/{run_id}/model"


def test_prompts(tracked: Any, client: MlflowClient) -> None:
    prompt = f"prompt-{new_id()}"
    assert tracked.genai.register_prompt(prompt, "Hello {{name}}", tags={"k": "v"}).version == 1
    assert tracked.genai.register_prompt(prompt, "Hi {{name}}").version == 2
    tracked.genai.set_prompt_alias(prompt, "live", 1)
    assert tracked.genai.load_prompt(f"prompts:/{prompt}@live").format(name="Ada") == "Hello Ada"
    assert tracked.genai.load_prompt(f"prompts:/{prompt}/2").template == "Hi {{name}}"
    assert [item.name for item in tracked.genai.search_prompts(f"name='{prompt}'")] == [prompt]
    assert client.search_registered_models(f"name='{prompt}'") == []
    assert client.search_model_versions(f"name='{prompt}'") == []
    assert refused(lambda: client.create_registered_model(prompt)) == "RESOURCE_ALREADY_EXISTS"


def test_ten_clients_number_without_a_gap(tracking_server: Server, name: str) -> None:
    import mlflow

    def create(_: int) -> int:
        one = mlflow.MlflowClient(tracking_server.url, tracking_server.url)
        return int(one.create_model_version(name, SOURCE, await_creation_for=0).version)

    with ThreadPoolExecutor(10) as pool:
        numbers = list(pool.map(create, range(40)))
    assert sorted(numbers) == list(range(1, 41))


def test_ten_clients_create_one_model(tracking_server: Server) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    name = f"contested {new_id()}"

    def create(_: int) -> str:
        try:
            mlflow.MlflowClient(tracking_server.url, tracking_server.url).create_registered_model(name)
        except MlflowException as error:
            return str(error.error_code)
        return "created"

    with ThreadPoolExecutor(10) as pool:
        outcomes = sorted(pool.map(create, range(10)))
    assert outcomes == ["RESOURCE_ALREADY_EXISTS"] * 9 + ["created"]


def test_log_register_alias_load_predict(tracked: Any, client: MlflowClient, experiment_id: str) -> None:
    import numpy as np
    from sklearn.linear_model import LinearRegression

    name = f"line {new_id()}"
    x = np.array([[0.0], [1.0], [2.0]])
    with tracked.start_run(experiment_id=experiment_id) as run:
        logged = tracked.sklearn.log_model(
            LinearRegression().fit(x, [1.0, 3.0, 5.0]), name="model", registered_model_name=name
        )
    assert str(logged.registered_model_version) == "1"
    version = client.get_model_version(name, "1")
    assert (version.run_id, version.source) == (run.info.run_id, f"models:/{logged.model_id}")
    again = tracked.register_model(f"runs:/{run.info.run_id}/model", name)
    assert again.version == "2"
    client.set_registered_model_alias(name, "champion", "1")
    for uri in (f"models:/{name}@champion", f"models:/{name}/2", f"models:/{name}/latest"):
        loaded = tracked.pyfunc.load_model(uri)
        assert loaded.predict(np.array([[3.0]])) == pytest.approx([7.0])
