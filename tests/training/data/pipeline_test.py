import itertools

import numpy as np
import pytest
import tensorflow as tf

from training.data.pipeline import evaluation_batches
from training.data.pipeline import training_batches

COUNT = 50
BATCH_SIZE = 8
STEPS = COUNT // BATCH_SIZE


def _slices(count=COUNT):
    return tf.data.Dataset.from_tensor_slices({"x": np.arange(count)})


@pytest.fixture
def records(tmp_path):
    """Examples that can only be read in order, as those of TFDS."""
    path = str(tmp_path / "examples.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        for index in range(COUNT):
            writer.write(str(index))

    def parse(record):
        return {"x": tf.strings.to_number(record, tf.int64)}

    size = tf.data.experimental.assert_cardinality(COUNT)
    return tf.data.TFRecordDataset(path).map(parse).apply(size)


@pytest.fixture(params=["memory", "looked up", "buffered"])
def stream(request, records):
    """`training_batches` over each of the three ways to shuffle."""
    examples = records if request.param == "buffered" else _slices()
    limits = {"memory": 2**20, "looked up": 0, "buffered": 20 * 8}

    def batches(num_batches, **kwargs):
        defaults = {"batch_size": BATCH_SIZE, "seed": 3}
        dataset = training_batches(
            examples,
            **{**defaults, **kwargs},
            memory_limit=limits[request.param],
        )
        return [b["x"].numpy().tolist() for b in dataset.take(num_batches)]

    return batches


def _joined(batches):
    return list(itertools.chain(*batches))


def _add_noise(example, seed_pair):
    noise = tf.random.stateless_uniform([], seed_pair, dtype=tf.float64)
    return {"x": tf.cast(example["x"], tf.float64) + noise}


def _add_noise_to_batch(batch, seed_pair):
    x = tf.cast(batch["x"], tf.float64)
    noise = tf.random.stateless_uniform(x.shape, seed_pair, dtype=tf.float64)
    return {"x": x + noise}


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"augment": _add_noise},
        {"augment_batch": _add_noise_to_batch},
        {"drop_remainder": False},
        {"steps_per_epoch": 4},
        {"steps_per_epoch": 15},
    ],
    ids=[
        "plain",
        "augment",
        "augment batch",
        "remainder",
        "longer pass",
        "shorter pass",
    ],
)
def test_resumed_stream_equals_the_uninterrupted_one(stream, kwargs):
    steps = STEPS + (not kwargs.get("drop_remainder", True))
    steps = kwargs.get("steps_per_epoch", steps)
    whole = stream(3 * steps, **kwargs)
    for epoch, step in [(0, 0), (0, 3), (1, 0), (1, 2), (1, steps), (2, 1)]:
        resumed = stream(4, start_epoch=epoch, start_step=step, **kwargs)
        begin = epoch * steps + step
        assert resumed[: 3 * steps - begin] == whole[begin : begin + 4]


def test_each_epoch_is_a_permutation(stream):
    batches = stream(2 * (STEPS + 1), drop_remainder=False)
    epochs = [_joined(batches[: STEPS + 1]), _joined(batches[STEPS + 1 :])]
    for epoch in epochs:
        assert epoch != sorted(epoch)
        assert sorted(epoch) == list(range(COUNT))
    assert epochs[0] != epochs[1]


def test_no_example_twice_in_an_epoch_without_the_remainder(stream):
    epoch = _joined(stream(STEPS))
    assert len(set(epoch)) == STEPS * BATCH_SIZE


def test_seeds_give_different_orders(stream):
    assert stream(STEPS, seed=3) != stream(STEPS, seed=4)


def test_seed_of_the_process_does_not_matter(stream):
    tf.random.set_seed(1)
    first = stream(STEPS)
    tf.random.set_seed(2)
    assert stream(STEPS) == first


@pytest.mark.parametrize(
    "augmentation",
    [{"augment": _add_noise}, {"augment_batch": _add_noise_to_batch}],
    ids=["one by one", "by batch"],
)
def test_augmentation_differs_per_example_and_epoch(stream, augmentation):
    batches = stream(2 * STEPS, **augmentation)
    noise = [np.mod(_joined(b), 1) for b in (batches[:STEPS], batches[STEPS:])]
    assert len(np.unique(np.concatenate(noise))) == 2 * STEPS * BATCH_SIZE


def test_every_place_of_the_order_is_equally_likely():
    batches = training_batches(_slices(4), batch_size=4, seed=0)
    orders = np.stack([batch["x"] for batch in batches.take(400)])
    for place in range(4):
        counts = np.bincount(orders[:, place], minlength=4)
        # Five standard deviations of a binomial of 400 draws at 1/4.
        assert abs(counts - 100).max() < 5 * np.sqrt(400 * 0.25 * 0.75)


def test_shapes_are_static_and_size_is_infinite():
    batches = training_batches(_slices(), batch_size=BATCH_SIZE, seed=0)
    assert batches.element_spec["x"].shape == (BATCH_SIZE,)
    assert batches.cardinality() == tf.data.INFINITE_CARDINALITY
    policy = batches.options().experimental_distribute.auto_shard_policy
    assert policy == tf.data.experimental.AutoShardPolicy.DATA


def test_evaluation_keeps_order_and_the_last_batch():
    batches = evaluation_batches(_slices(10), batch_size=4)
    assert [b["x"].numpy().tolist() for b in batches] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]
    assert batches.cardinality() == 3
    policy = batches.options().experimental_distribute.auto_shard_policy
    assert policy == tf.data.experimental.AutoShardPolicy.DATA


@pytest.mark.parametrize("memory_limit, reads", [(2**20, 10), (0, 20)])
def test_evaluation_keeps_what_fits_into_memory(memory_limit, reads):
    count = tf.Variable(0)

    def counted(example):
        count.assign_add(1)
        return example

    batches = evaluation_batches(
        _slices(10).map(counted), batch_size=4, memory_limit=memory_limit
    )
    passes = [[b["x"].numpy().tolist() for b in batches] for _ in range(2)]
    assert passes[0] == passes[1]
    assert count.numpy() == reads


@pytest.mark.parametrize(
    "examples, kwargs, message",
    [
        (_slices(5), {}, "larger than the data set of 5 examples"),
        (_slices(0), {}, "The data set is empty"),
        (_slices().repeat(), {}, "must be finite"),
        (_slices().filter(lambda _: True), {}, "know its size"),
        (_slices(), {"batch_size": 0}, "`batch_size` must be a positive int"),
        (_slices(), {"steps_per_epoch": 0}, "`steps_per_epoch` must be"),
        (_slices(), {"start_step": STEPS + 1}, "start_step=7"),
        (_slices(), {"start_epoch": -1}, "start_epoch=-1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_arguments_are_explained(examples, kwargs, message):
    with pytest.raises(ValueError, match=message):
        training_batches(
            examples, **{"batch_size": BATCH_SIZE, "seed": 0, **kwargs}
        )


def test_evaluation_of_nothing_is_explained():
    with pytest.raises(ValueError, match="The data set is empty"):
        evaluation_batches(_slices(0), batch_size=4)
