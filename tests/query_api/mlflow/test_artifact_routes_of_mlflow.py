"""The artifact proxy over HTTP: contents, parts, addresses, and paths that are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer

PROXY = "/api/2.0/mlflow-artifacts"


def root_of(server: LiveServer) -> tuple[str, str]:
    """Return a new run's id and its path in the proxy."""
    run_id = server.new_run()
    return run_id, f"0/{run_id}/artifacts"


def test_one_store_behind_both_faces(server: LiveServer) -> None:
    run_id, root = root_of(server)
    server.call("PUT", f"{PROXY}/artifacts/{root}/dir/a.txt", content=b"by mlflow")
    own = f"/api/v1/runs/{run_id}/artifacts/content"
    assert server.client.get(own, params={"path": "dir/a.txt"}).content == b"by mlflow"
    server.call("PUT", own, 201, params={"path": "dir/b.txt"}, content=b"by us")
    assert server.client.get(f"{PROXY}/artifacts/{root}/dir/b.txt").content == b"by us"
    listed = server.call("GET", f"{PROXY}/artifacts", params={"path": f"{root}/dir"})["files"]
    assert [(file["path"], file["file_size"]) for file in listed] == [("a.txt", 9), ("b.txt", 5)]
    own_list = server.call("GET", "/api/2.0/mlflow/artifacts/list", params={"run_id": run_id})
    assert own_list["root_uri"] == f"mlflow-artifacts:/0/{run_id}/artifacts"
    assert own_list["files"] == [{"path": "dir", "is_dir": True}]


def test_an_upload_in_parts_is_joined_in_their_order(server: LiveServer) -> None:
    _, root = root_of(server)
    named = {"path": "/home/ada/big.bin", "num_parts": 3}
    made = server.call("POST", f"{PROXY}/mpu/create/{root}/dir", json=named)
    parts = []
    for number in (3, 1, 2):
        url = made["credentials"][number - 1]["url"]
        answer = server.client.put(url, content=bytes([number]) * 70_000)
        parts.append({"part_number": number, "etag": answer.headers["etag"], "url": url})
    ending = {"path": "big.bin", "upload_id": made["upload_id"], "parts": parts}
    server.call("POST", f"{PROXY}/mpu/complete/{root}/dir", json=ending)
    found = server.client.get(f"{PROXY}/artifacts/{root}/dir/big.bin").content
    assert found == b"".join(bytes([number]) * 70_000 for number in (1, 2, 3))
    for wrong in (
        parts[:2],
        [{**parts[0], "etag": "0" * 64}],
        [{**parts[0], "part_number": 1, "etag": "0" * 64}],
    ):
        refusal = server.call(
            "POST", f"{PROXY}/mpu/complete/{root}/dir", 400, json={**ending, "parts": wrong}
        )
        assert refusal["error_code"] == "INVALID_PARAMETER_VALUE"
    aborted = {"path": "big.bin", "upload_id": made["upload_id"]}
    assert server.call("POST", f"{PROXY}/mpu/abort/{root}/dir", json=aborted) == {}


def test_addresses_that_are_given_out_work(server: LiveServer) -> None:
    run_id, root = root_of(server)
    wanted = {"run_id": run_id, "path": "dir/ü a.txt"}
    given = server.call("POST", "/api/2.0/mlflow/artifacts/presigned-upload-url", json=wanted)
    assert server.client.put(given["presigned_url"], content=b"0123456789").status_code == 200
    given = server.call("POST", "/api/2.0/mlflow/artifacts/presigned-download-url", json=wanted)
    assert given["file_size"] == 10
    part = server.client.get(given["presigned_url"], headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    given = server.call("GET", f"{PROXY}/presigned/{root}/dir/ü a.txt")
    assert server.client.get(given["url"]).content == b"0123456789"


def test_any_name_comes_back(server: LiveServer) -> None:
    _, root = root_of(server)
    server.call("PUT", f"{PROXY}/artifacts/{root}/é☃.txt", content=b"x")
    answer = server.client.get(f"{PROXY}/artifacts/{root}/é☃.txt")
    assert (answer.status_code, answer.content) == (200, b"x")
    assert "%C3%A9%E2%98%83.txt" in answer.headers["content-disposition"]


def test_what_belongs_to_nobody_is_not_deleted_at_one_stroke(server: LiveServer) -> None:
    run_id, root = root_of(server)
    server.call("PUT", f"{PROXY}/artifacts/{root}/a.txt", content=b"x")
    server.call("PUT", f"{PROXY}/artifacts/free/a.txt", content=b"x")
    for path in ("", "0", f"0/{run_id}", "none"):
        assert server.call("DELETE", f"{PROXY}/artifacts/{path}", 404)["error_code"]
    assert server.client.get(f"{PROXY}/artifacts/{root}/a.txt").status_code == 200
    assert server.client.get(f"{PROXY}/artifacts/free/a.txt").status_code == 200
    server.call("DELETE", f"{PROXY}/artifacts/free/a.txt")
    server.call("GET", f"{PROXY}/artifacts/free/a.txt", 404)


def test_a_file_of_a_version(server: LiveServer) -> None:
    run_id, root = root_of(server)
    server.call("PUT", f"{PROXY}/artifacts/{root}/model/MLmodel", content=b"flavors: {}")
    name = f"m-{run_id}"
    server.call("POST", "/api/2.0/mlflow/registered-models/create", json={"name": name})
    source = {"name": name, "source": f"mlflow-artifacts:/{root}/model", "run_id": run_id}
    server.call("POST", "/api/2.0/mlflow/model-versions/create", json=source)
    address = "/model-versions/get-artifact"
    asked = {"name": name, "version": "1", "path": "MLmodel"}
    assert server.client.get(address, params=asked).content == b"flavors: {}"
    assert server.call("GET", address, 404, params={**asked, "version": "2"})["error_code"]
    assert server.call("GET", address, 404, params={**asked, "path": "none"})["error_code"]
    for field in asked:
        missing = {key: value for key, value in asked.items() if key != field}
        assert field in server.call("GET", address, 400, params=missing)["message"]


def test_what_is_not_there(server: LiveServer) -> None:
    _, root = root_of(server)
    missing = server.call("GET", f"{PROXY}/artifacts/{root}/none", 404)
    assert missing["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert server.call("GET", f"{PROXY}/artifacts", params={"path": f"{root}/none"}) == {}
    assert server.call("DELETE", f"{PROXY}/artifacts/{root}/none") == {}
    query = {"run_id": new_id()}
    assert server.call("GET", "/api/2.0/mlflow/artifacts/list", 404, params=query)["error_code"]


@pytest.mark.parametrize("path", ["..%2Fx", "a/%2e%2e/%2e%2e/x", "a%5C..%5Cx", "%2Fetc/passwd", "a/%00"])
def test_paths_that_lead_out_are_refused(server: LiveServer, path: str) -> None:
    refusal = server.call("PUT", f"{PROXY}/artifacts/{path}", 400, content=b"x")
    assert refusal["error_code"] == "INVALID_PARAMETER_VALUE"
