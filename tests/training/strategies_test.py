import json

import pytest
import tensorflow as tf

from training.strategies import make_strategy
from training.strategies import slurm_config


def test_one_device_is_one_replica():
    strategy = make_strategy("one_device")
    assert strategy is tf.distribute.get_strategy()
    assert make_strategy("auto").num_replicas_in_sync == 1


def test_names_the_strategies_there_are():
    with pytest.raises(ValueError, match="auto, one_device, mirrored"):
        make_strategy("many")


def test_devices_are_those_of_mirrored():
    with pytest.raises(ValueError, match="`devices` are those of `mirrored`"):
        make_strategy("multi_worker", 2)


HOSTS = {"worker": ["a:1", "b:1"]}


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "set TF_CONFIG to"),
        ("{", "TF_CONFIG is no JSON"),
        ("[]", "must be a JSON object"),
        (json.dumps({"cluster": HOSTS}), "set TF_CONFIG to"),
        (
            json.dumps(
                {"cluster": HOSTS, "task": {"type": "worker", "index": 2}}
            ),
            "another index on every worker",
        ),
        (
            json.dumps(
                {
                    "cluster": {**HOSTS, "ps": ["c:1"]},
                    "task": {"type": "worker", "index": 0},
                }
            ),
            "launch --workers N",
        ),
    ],
)
def test_what_is_no_group_is_refused_by_a_sentence(text, words, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=words):
        make_strategy("multi_worker")


def test_a_group_of_one_in_tf_config_does_not_change_auto(monkeypatch):
    alone = {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker"}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(alone))
    assert make_strategy() is tf.distribute.get_strategy()


def test_slurm_tasks_are_numbered_in_the_order_of_its_list(monkeypatch):
    step = {
        "PROCID": "2",
        "JOB_ID": "7",
        "STEP_NUM_TASKS": "3",
        "STEP_NODELIST": "node[2,10]",
        "STEP_TASKS_PER_NODE": "2,1",
    }
    for name, value in step.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    # Without GPUs, and `node10` sorts before `node2`.
    monkeypatch.setenv("PATH", "")
    assert slurm_config() == {
        "cluster": {
            "worker": ["node2:12700", "node2:12701", "node10:12700"],
        },
        "task": {"type": "worker", "index": 2},
    }
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setenv("SLURM_PROCID", "1")
    assert slurm_config()["task"]["index"] == 1


def test_no_tpu_is_a_sentence(monkeypatch):
    monkeypatch.setenv("TPU_NAME", "local")
    with pytest.raises(ValueError, match="No TPU answers to the name 'local'"):
        make_strategy("tpu")
