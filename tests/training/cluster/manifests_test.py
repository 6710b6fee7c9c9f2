"""Manifests keep their schemas, and what they say works where it can be run."""

import json
import os
import pathlib
import shlex
import subprocess
import sys

import pytest

from training.__main__ import COMMANDS
from training.strategies import _check_cluster

yaml = pytest.importorskip("yaml", reason="needs PyYAML (the extra `test`)")
CLUSTER = pathlib.Path(__file__).parents[3] / "training" / "cluster"
COMMAND = "python -m training "


def documents(name):
    return list(yaml.safe_load_all((CLUSTER / name).read_text()))


@pytest.mark.parametrize(
    "name, number, schema",
    [
        ("jobset.yaml", 0, "JobsetV1alpha2JobSet"),
        ("train_job.yaml", 0, "TrainerV1alpha1TrainingRuntime"),
        ("train_job.yaml", 1, "TrainerV1alpha1TrainJob"),
    ],
)
def test_manifests_keep_the_published_schemas(name, number, schema):
    models = pytest.importorskip(
        "kubeflow_trainer_api.models",
        reason="needs kubeflow-trainer-api (the extra `test`)",
    )
    document = documents(name)[number]
    read = getattr(models, schema).from_dict(document)
    # What the schema does not know would be left out.
    assert read.to_dict() == document


def nodes(value, key):
    """All values of a key, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from nodes(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner, key)


@pytest.mark.parametrize("name", ["jobset.yaml", "train_job.yaml"])
def test_the_shell_line_sets_tf_config(name, tmp_path):
    (script,) = [
        text
        for args in nodes(documents(name), "args")
        for text in args
        if "TF_CONFIG" in text
    ]
    *_, last = script.strip().splitlines()
    assert last.startswith(f"exec {COMMAND}train nade ")
    script = script.replace(last, 'echo "$TF_CONFIG"')
    (tmp_path / "python").symlink_to(sys.executable)
    path = f"{tmp_path}:{os.environ['PATH']}"
    for index in ("0", "1"):
        found = subprocess.run(
            ["/bin/sh", "-c", script],
            env={
                "PATH": path,
                "NUM_WORKERS": "2",
                "JOB_COMPLETION_INDEX": index,
            },
            capture_output=True,
            text=True,
            check=True,
        )
        config = json.loads(found.stdout)
        _check_cluster(config)
        assert config["task"]["index"] == int(index)
        assert len(set(config["cluster"]["worker"])) == 2


def test_numbers_of_workers_agree():
    jobset, _ = documents("jobset.yaml")
    (job,) = jobset["spec"]["replicatedJobs"]
    spec = job["template"]["spec"]
    (count,) = [e["value"] for e in next(nodes(spec, "env"))]
    assert spec["parallelism"] == spec["completions"] == int(count)
    runtime, train_job = documents("train_job.yaml")
    trainer = train_job["spec"]["trainer"]
    counts = [e["value"] for e in trainer["env"]]
    assert counts == [str(trainer["numNodes"])]
    reference = train_job["spec"]["runtimeRef"]
    assert reference["name"] == runtime["metadata"]["name"]
    assert reference["kind"] == runtime["kind"]


def test_hosts_have_the_names_that_the_controllers_give():
    jobset, _ = documents("jobset.yaml")
    name, network = jobset["metadata"]["name"], jobset["spec"]["network"]
    (job,) = jobset["spec"]["replicatedJobs"]
    host = f"{name}-{job['name']}-0-{{i}}.{network['subdomain']}:5000"
    assert host in (CLUSTER / "jobset.yaml").read_text()
    runtime, train_job = documents("train_job.yaml")
    name = train_job["metadata"]["name"]
    (job,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    host = f"{name}-{job['name']}-0-{{i}}.{name}:5000"
    assert host in (CLUSTER / "train_job.yaml").read_text()


def test_a_ray_job_asks_for_as_many_workers_as_it_makes():
    (job,) = documents("ray_job.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    words = shlex.split(job["spec"]["entrypoint"].removeprefix(COMMAND))
    assert words[0] in COMMANDS and words[words.index("--") + 1] == "train"
    (group,) = job["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    assert int(words[words.index("--workers") + 1]) == group["replicas"]
    for containers in nodes(job, "containers"):
        assert all(c["image"] and c["name"] for c in containers)


@pytest.mark.parametrize(
    "statuses, expected, runs, requeued",
    [
        ([0], 0, 1, False),
        ([2], 2, 1, False),
        ([143], 143, 1, True),
        ([137, 75, 0], 0, 3, False),
        ([137] * 9, 137, 4, False),
    ],
    ids=str,
)
def test_slurm_starts_all_again(tmp_path, statuses, expected, runs, requeued):
    """By an `srun` that ends as it is told."""
    (tmp_path / "statuses").write_text("\n".join(map(str, statuses)) + "\n")
    for name, body in (
        (
            "srun",
            'echo "$@" >> runs\nstatus=$(head -n1 statuses)\n'
            "sed -i 1d statuses\nexit $status",
        ),
        ("scontrol", 'echo "$@" > requeued'),
    ):
        path = tmp_path / name
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", CLUSTER / "slurm.sh", "nade", "--epochs", "3"],
        cwd=tmp_path,
        env={"PATH": path, "SLURM_JOB_ID": "17"},
        check=False,
    )
    lines = (tmp_path / "runs").read_text().splitlines()
    assert done.returncode == expected and len(lines) == runs
    for line in lines:
        assert f"{COMMAND}train nade --epochs 3 --strategy multi_worker" in line
        assert line.endswith("--run-dir runs/slurm-17")
    assert (tmp_path / "requeued").exists() == requeued
