import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_genseq.ops.random import hashes_of_rows
from keras_genseq.ops.random import normal_quantile
from keras_genseq.ops.random import path_seeds
from keras_genseq.ops.random import row_normal
from keras_genseq.ops.random import row_normals
from keras_genseq.ops.random import row_seeds
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.random import seeds_of_rows
from keras_genseq.ops.random import threefry2x32


@pytest.mark.parametrize(
    "key, counter, expected",
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        (
            (0xFFFFFFFF, 0xFFFFFFFF),
            (0xFFFFFFFF, 0xFFFFFFFF),
            (0x1CB996FC, 0xBB002BE7),
        ),
        (
            (0x13198A2E, 0x03707344),
            (0x243F6A88, 0x85A308D3),
            (0xC4923A9C, 0x483DF7A0),
        ),
    ],
)
def test_threefry_equals_the_known_answers(key, counter, expected):
    drawn = threefry2x32(
        [np.uint32(k) for k in key], [np.uint32(c) for c in counter]
    )
    assert tuple(int(x) for x in drawn) == expected


def test_eager_graph_and_xla_draw_the_same():
    seeds = tf.constant([0, 1, -5, 2**31 - 1])
    eager = row_uniform(seeds, 33, stream=2)
    for jit in (False, True):
        drawn = tf.function(row_uniform, jit_compile=jit)(seeds, 33, 2)
        np.testing.assert_array_equal(eager, drawn)


def test_a_row_depends_on_its_own_seed_alone():
    alone = row_uniform([7], 10)
    together = row_uniform([3, 7, 9], 10)
    np.testing.assert_array_equal(alone[0], together[1])
    assert (together[0].numpy() != together[1].numpy()).all()


def test_row_seeds_do_not_depend_on_their_number():
    np.testing.assert_array_equal(row_seeds(5, 3), row_seeds(5, 100)[:3])
    assert len(set(row_seeds(5, 1000).numpy())) == 1000
    assert (row_seeds(5, 10).numpy() != row_seeds(6, 10).numpy()).all()


def test_noise_is_uniform_and_inside_the_open_interval():
    drawn = row_uniform(row_seeds(0, 500), 400).numpy()
    assert drawn.min() > 0.0 and drawn.max() < 1.0
    assert stats.kstest(drawn.ravel(), "uniform").pvalue > 1e-3
    for axis in (0, 1):
        neighbours = np.corrcoef(
            np.delete(drawn, 0, axis).ravel(),
            np.delete(drawn, -1, axis).ravel(),
        )
        assert abs(neighbours[0, 1]) < 0.01


def test_streams_of_one_seed_are_unrelated():
    first, second = (row_uniform([4], 5000, stream=s)[0] for s in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


def test_path_seeds_differ_and_do_not_depend_on_their_number():
    many = path_seeds([3, 7], 500).numpy()
    np.testing.assert_array_equal(path_seeds([7], 4)[0], many[1, :4])
    assert len(np.unique(many)) == 1000 and many.min() >= 0


def test_normal_noise_is_normal():
    drawn = row_normal(row_seeds(0, 200), 300).numpy().ravel()
    assert np.isfinite(drawn).all()
    assert stats.kstest(drawn, "norm").pvalue > 1e-3


def test_quantiles_are_those_of_the_normal_distribution():
    # The middle, and both ends, of all numbers that a draw can take.
    k = np.r_[0:4000, 2**22 - 4000 : 2**22 + 4000, 2**23 - 4000 : 2**23]
    k = np.unique(np.r_[k, np.linspace(0, 2**23 - 1, 4000).astype(int)])
    u = (k + 0.5) * 2.0**-23
    expected = stats.norm.ppf(u)
    inverse = np.sqrt(2.0) * tf.math.erfinv(tf.constant(2 * u - 1, "float32"))
    for jit_compile in (False, True):
        call = tf.function(normal_quantile, jit_compile=jit_compile)
        x = call(tf.constant(u, tf.float32)).numpy()
        np.testing.assert_allclose(x, expected, rtol=5e-7)
        np.testing.assert_allclose(x, inverse, rtol=1e-6)
    ends = normal_quantile(np.array([0.0, 0.5, 1.0, 1e-10], "float32"))
    expected = [-np.inf, 0.0, np.inf, stats.norm.ppf(1e-10)]
    np.testing.assert_allclose(ends, expected, rtol=1e-6)


def test_lite_draws_normal_noise():
    def draw(seeds):
        return {"x": row_normal(seeds, 3)}

    function = tf.function(draw, autograph=False)
    concrete = function.get_concrete_function(
        tf.TensorSpec((4,), tf.int32, "seeds")
    )
    kinds = {op.type for op in concrete.graph.get_operations()}
    assert not kinds & {"Erfinv", "Ndtri"}
    # Built-in operations alone.
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    lite = tf.lite.Interpreter(model_content=converter.convert())
    lite.allocate_tensors()
    seeds = np.array([0, 1, 7, 2**31 - 1], "int32")
    lite.set_tensor(lite.get_input_details()[0]["index"], seeds)
    lite.invoke()
    x = lite.get_tensor(lite.get_output_details()[0]["index"])
    np.testing.assert_allclose(x, row_normal(seeds, 3), rtol=1e-5)


def test_a_draw_depends_on_its_row_and_number_alone():
    seeds = row_seeds(3, 4)
    draws = np.array(row_normals(seeds, 6, 5))
    np.testing.assert_allclose(draws[:, 0], row_normal(seeds, 5), rtol=1e-6)
    # Bits are equal; the logarithm's last one moves with the tensor's size.
    np.testing.assert_allclose(
        draws[1:3, 4:], row_normals(seeds[1:3], 2, 5, first=4), rtol=1e-6
    )
    assert len(np.unique(draws)) == draws.size


def test_seeds_differ_from_row_to_row_and_step_to_step():
    steps = [np.array(seeds_of_rows(7, np.arange(50), s)) for s in range(3)]
    assert len(np.unique(steps)) == 150
    np.testing.assert_array_equal(seeds_of_rows(7, [9, 4]), steps[0][[9, 4]])
    np.testing.assert_array_equal(row_seeds(7, 50), steps[0])


def test_hashes_of_rows_tell_binary_rows_and_their_orders_apart():
    x = (np.arange(4096)[:, None] >> np.arange(12) & 1).astype("float32")
    bits = tf.bitcast(x, tf.uint32)
    hashes = hashes_of_rows(bits).numpy()
    # 4,096 of 2^32 numbers: two alike are a matter of 0.2 %.
    assert len(np.unique(hashes)) == 4096
    few = tf.function(hashes_of_rows, jit_compile=True)(bits[7:9]).numpy()
    np.testing.assert_array_equal(few, hashes[7:9])
