"""The Kubernetes manifests as kustomize renders them, against Kubernetes' published schemas."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml

from tests.native_stack import skipped_without_tools
from trackstream_api.native.install import go_program

if TYPE_CHECKING:
    from collections.abc import Iterator

KUBERNETES = Path(__file__).parents[2] / "infra" / "kubernetes"
KUSTOMIZE = ("sigs.k8s.io/kustomize/kustomize/v5", "v5.7.1")
VERSIONS = ("1.29", "1.33")
WORKLOADS = {"Deployment", "Job"}
UI = "trackstream-ui"

pytestmark = pytest.mark.integration

Objects = list[dict[str, Any]]


@pytest.fixture(scope="module")
def kustomize() -> Path:
    with skipped_without_tools():
        return go_program(*KUSTOMIZE, say=lambda _line: None)


def rendered(kustomize: Path, folder: str) -> Objects:
    done = subprocess.run(
        [kustomize, "build", KUBERNETES / folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module", params=["base", "overlays/small", "overlays/large"])
def objects(kustomize: Path, request: pytest.FixtureRequest) -> Objects:
    return rendered(kustomize, request.param)


def pods(objects: Objects) -> Iterator[tuple[str, dict[str, Any]]]:
    for found in objects:
        if found["kind"] in WORKLOADS:
            yield found["metadata"]["name"], found["spec"]["template"]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_fits_its_schema(objects: Objects, version: str) -> None:
    for found in objects:
        kubernetes_validate.validate(found, version, strict=True)


def test_the_schemas_do_refuse(objects: Objects) -> None:
    deployment = next(found for found in objects if found["kind"] == "Deployment")
    broken = {**deployment, "spec": {**deployment["spec"], "replicaz": 3}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


def test_all_parts_are_there(objects: Objects) -> None:
    names = {(found["kind"], found["metadata"]["name"].partition("-m4")[0]) for found in objects}
    kinds = {kind for kind, _ in names}
    assert kinds == {
        "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Job", "PodDisruptionBudget", "Service",
    }  # fmt: skip
    deployed = {name for kind, name in names if kind == "Deployment"}
    consumers = {f"trackstream-consumer-{kind}" for kind in ("entities", "metrics", "artifacts")}
    assert deployed == {"trackstream-api", UI, *consumers}
    assert {name for kind, name in names if kind == "PodDisruptionBudget"} == deployed


def test_selectors_find_the_pods_they_mean(objects: Objects) -> None:
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(objects)}
    for found in objects:
        name, spec = found["metadata"]["name"], found.get("spec", {})
        selector = spec.get("selector")
        if not selector:
            continue
        wanted = selector.get("matchLabels", selector)
        matched = [pod for pod, has in labels.items() if wanted.items() <= has.items()]
        assert matched == [name], found["kind"]


def test_configuration_is_by_reference(objects: Objects) -> None:
    made = {found["metadata"]["name"] for found in objects if found["kind"] == "ConfigMap"}
    for name, pod in pods(objects):
        (container,) = pod["spec"]["containers"]
        if name == UI:
            # Whoever gets into the one process that draws pages finds no passwords there.
            assert "env" not in container
            assert "envFrom" not in container
            continue
        references = container["envFrom"]
        assert {next(iter(reference)) for reference in references} == {"configMapRef", "secretRef"}, name
        assert {ref["configMapRef"]["name"] for ref in references if "configMapRef" in ref} <= made
        assert pod["spec"]["enableServiceLinks"] is False, name
    assert not any(found["kind"] == "Secret" for found in objects)
    for found in objects:
        if found["kind"] == "ConfigMap":
            assert not any(word in key for key in found["data"] for word in ("SECRET", "PASSWORD", "ACCESS"))


def test_pods_are_confined_and_pinned(objects: Objects) -> None:
    for name, pod in pods(objects):
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True, name
        (container,) = pod["spec"]["containers"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["resources"]["limits"]["memory"]
        assert container["image"].rpartition(":")[2] not in ("", "latest", "trackstream")


def test_deployments_have_all_probes(objects: Objects) -> None:
    for found in objects:
        if found["kind"] == "Deployment":
            (container,) = found["spec"]["template"]["spec"]["containers"]
            ports = {port["name"] for port in container["ports"]}
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                assert container[probe]["httpGet"]["port"] in ports


def test_one_ui_before_api_replicas_that_have_none(objects: Objects) -> None:
    found = {each["metadata"]["name"]: each for each in objects if each["kind"] == "Deployment"}
    services = {each["metadata"]["name"] for each in objects if each["kind"] == "Service"}
    (api,) = found["trackstream-api"]["spec"]["template"]["spec"]["containers"]
    (ui,) = found[UI]["spec"]["template"]["spec"]["containers"]
    assert "--no-ui" in api["args"]
    assert found[UI]["spec"]["replicas"] == 1
    assert ui["args"][ui["args"].index("--api") + 1].removeprefix("http://") in services


def test_the_autoscaler_points_at_a_deployment(objects: Objects) -> None:
    names = {found["metadata"]["name"]: found for found in objects if found["kind"] == "Deployment"}
    for found in objects:
        if found["kind"] == "HorizontalPodAutoscaler":
            target = names[found["spec"]["scaleTargetRef"]["name"]]
            assert "replicas" not in target["spec"]
            assert found["spec"]["minReplicas"] <= found["spec"]["maxReplicas"]


def test_the_large_overlay_has_a_consumer_for_no_more_than_each_partition(kustomize: Path) -> None:
    found = rendered(kustomize, "overlays/large")
    (job,) = (each for each in found if each["kind"] == "Job")
    arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
    partitions = int(arguments[arguments.index("--partitions") + 1])
    replicas = [each["spec"]["replicas"] for each in found if "-consumer-" in each["metadata"]["name"]
                and each["kind"] == "Deployment"]  # fmt: skip
    assert max(replicas) <= partitions
