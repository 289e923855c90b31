"""The Job that a launch becomes: what a template may hold, and what is filled in, as the API is published."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from kubernetes import client

from tests.integration.projects.kubernetes_cluster import cluster_api
from tests.native_stack import skipped_without_tools
from trackstream.projects.backends.kubernetes_job import filled, job_name, read_template, template_variables
from trackstream.projects.errors import ProjectInvalid

if TYPE_CHECKING:
    from pathlib import Path

FULL = """
apiVersion: batch/v1
kind: Job
metadata: {generateName: x-, annotations: {on: "yes"}}
spec:
  ttlSecondsAfterFinished: 100
  backoffLimit: 0
  template:
    metadata: {labels: {app: train}}
    spec:
      restartPolicy: Never
      nodeSelector: {gpu: "true"}
      volumes: [{name: data, emptyDir: {}}]
      containers:
        - name: train
          image: x
          args: [y]
          resources: {limits: {nvidia.com/gpu: "1", memory: 2Gi}}
          volumeMounts: [{name: data, mountPath: /data, readOnly: true}]
          env:
            - {name: TRACKSTREAM_URI, value: "http://trackstream:5000"}
            - {name: TRACKSTREAM_RUN_ID, value: another}
            - {name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}
        - {name: beside, image: proxy:1}
"""
SPEC = "apiVersion: batch/v1\nkind: Job\nspec:\n"


def template_of(place: Path, text: str) -> Path:
    """Write a template."""
    path = place / "job.yaml"
    path.write_text(text)
    return path


def test_it_is_filled_in_as_the_api_wants_it(tmp_path: Path) -> None:
    template = read_template(template_of(tmp_path, FULL))
    assert template_variables(template) == {
        "TRACKSTREAM_URI": "http://trackstream:5000",
        "TRACKSTREAM_RUN_ID": "another",
        "KEY": "",
    }
    body = filled(
        template,
        name="n",
        namespace="models",
        labels={"trackstream.launch-id": "l"},
        image="image@sha256:1",
        command=["/bin/sh", "-c", "true"],
        variables={"TRACKSTREAM_RUN_ID": "run", "TRACKSTREAM_URI": "http://127.0.0.1:1", "KEY": "plain"},
    )
    with skipped_without_tools():
        assert cluster_api().wrong_with("io.k8s.api.batch.v1.Job", body) == []
    # The client's own model refuses what it does not know, and gives back the same.
    api = client.ApiClient()
    job = api.deserialize(SimpleNamespace(data=json.dumps(body)), "V1Job")
    assert api.sanitize_for_serialization(job) == body

    assert body["metadata"] == {
        "annotations": {"on": "yes"},
        "name": "n",
        "namespace": "models",
        "labels": {"trackstream.launch-id": "l"},
    }
    spec = body["spec"]
    assert (spec["suspend"], spec["backoffLimit"], spec["ttlSecondsAfterFinished"]) == (True, 0, 100)
    assert spec["template"]["metadata"]["labels"] == {"app": "train", "trackstream.launch-id": "l"}
    first, second = spec["template"]["spec"]["containers"]
    assert second == {"name": "beside", "image": "proxy:1"}
    assert (first["image"], first["command"]) == ("image@sha256:1", ["/bin/sh", "-c", "true"])
    assert "args" not in first
    # The template's address and secret hold; which run it is, we say.
    assert first["env"] == [
        {"name": "TRACKSTREAM_URI", "value": "http://trackstream:5000"},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        {"name": "TRACKSTREAM_RUN_ID", "value": "run"},
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "job.yaml:1: Job template"),
        ("[1]", "job.yaml:1: Job template"),
        ("kind: Pod\napiVersion: batch/v1", "job.yaml:1: kind: got 'Pod', expected Job"),
        ("kind: Job\napiVersion: v1", "job.yaml:2: apiVersion: got 'v1', expected batch/v1"),
        ("kind: Job\napiVersion: batch/v1", "spec: got None"),
        (f"{SPEC}  backoffLimit: 0", "job.yaml:4: spec.template: got None"),
        (f"{SPEC}  template: [1]", "job.yaml:4: spec.template: got ['1'], expected a mapping"),
        (f"{SPEC}  template:\n    spec: {{}}", "job.yaml:5: spec.template.spec.containers"),
        (f"{SPEC}  template:\n    spec: {{containers: []}}", "at least one container"),
        (f"{SPEC}  template:\n    spec: {{containers: [x]}}", "containers[0]: got 'x', expected a mapping"),
        (f"{SPEC}  template:\n    spec:\n      containers: [{{env: [{{value: x}}]}}]", "job.yaml:6: "),
        (
            FULL.replace("backoffLimit: 0", "backoffLimit: 6"),
            "job.yaml:7: spec.backoffLimit: got '6', expected 0",
        ),
        (FULL.replace("backoffLimit: 0", "parallelism: 2"), "spec.parallelism: got '2', expected 1"),
        (FULL.replace("Never", "OnFailure"), "job.yaml:11: spec.template.spec.restartPolicy"),
        (FULL.replace("backoffLimit: 0", "podFailurePolicy: {}"), "spec.podFailurePolicy"),
        ("a: !!python/object/apply:os.system [x]", "YAML tag"),
        ("a: &a [1]\nb: &b [*a,*a]\n" + "c: [*b]\n" * 2, "job.yaml:4: key: got 'c'"),
    ],
)
def test_what_a_template_cannot_be_is_told_with_file_line_and_field(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(ProjectInvalid) as raised:
        read_template(template_of(tmp_path, text))
    assert told in str(raised.value)


def test_names_are_labels_and_tell_the_project() -> None:
    launch_id = "0" * 32
    assert job_name("Wine & Cheese", launch_id, "ab12") == f"wine-cheese-{launch_id}-ab12"
    for project in ("", "-", "é" * 90, "a-" * 90):
        name = job_name(project, launch_id, "ab12")
        assert len(name) <= 63
        assert name[0].isalnum()
