"""Every promise of a model, tested over the table."""

import contextlib
import inspect
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq import models
from tests.conformance.table import EVERY_MODEL
from tests.conformance.table import GAMES
from tests.conformance.table import MODELS
from tests.conformance.table import SUPERVISED
from training.checkpoints import CheckpointStore

SLOW = pytest.mark.slow
CASES = pytest.mark.parametrize("name", EVERY_MODEL)
DENSITIES = pytest.mark.parametrize("name", MODELS)
POLICIES = (
    pytest.param("float32", marks=SLOW),
    "mixed_bfloat16",
    pytest.param("mixed_float16", marks=SLOW),
)
# Compiling takes most of the time of a small model.
BOTH_MODES = pytest.mark.parametrize(
    "jit_compile",
    [
        pytest.param(False, id="graph"),
        pytest.param(True, id="xla", marks=SLOW),
    ],
)
# One of each base: what takes long is tested on them by default, and with the
# slow tests on all others.
REPRESENTATIVES = (
    "NADE",
    "AutoregressiveModel",
    "RecurrentLanguageModel",
    "VAE",
    "SequenceForecaster",
    "GAN",
)
BATCH = 12


def all_but_slow(names):
    """Names as parameters, those of no representatives marked as slow."""
    return pytest.mark.parametrize(
        "name",
        [
            n if n in REPRESENTATIVES else pytest.param(n, marks=SLOW)
            for n in names
        ],
    )


def inputs(name, size=BATCH):
    """What a model is called on: a batch without its targets."""
    batch = EVERY_MODEL[name].batch(size)
    return batch[0] if isinstance(batch, tuple) else batch


def is_bounded(case):
    """Whether a model knows its likelihood by a bound alone."""
    return hasattr(case.make(), "log_prob_bound")


def compiled(name, strategy=None, jit_compile=False, **kwargs):
    keras.utils.set_random_seed(4)
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = EVERY_MODEL[name].make(**kwargs)
        model.compile(**optimizers(model), jit_compile=jit_compile)
    return model


def optimizers(model, rate=0.02):
    """Arguments of `compile`: Adam for the model, or for each player."""
    if not hasattr(model, "group_networks"):
        adam = keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.9)
        return {"optimizer": adam}
    return {
        # A larger epsilon: players' first gradients are next to nothing.
        f"{player}_optimizer": keras.optimizers.Adam(rate, epsilon=1e-3)
        for player in model.group_networks
    }


def steps(model, name, count, size=BATCH):
    """Trains on one batch over and over; returns the losses."""
    batch = EVERY_MODEL[name].batch(size)
    data = tf.data.Dataset.from_tensors(batch).repeat(count)
    history = []

    class Losses(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            history.append(float(logs["loss"]))
            self.model.reset_metrics()

    model.fit(data, verbose=0, callbacks=[Losses()])
    return history


def loss_on_fixed_noise(model, name):
    """Mean loss of the batch as validation has it, the same at every call.

    Where that is an estimate, a dozen examples say little: the exact one then.
    """
    batch = EVERY_MODEL[name].batch(BATCH)
    if EVERY_MODEL[name].estimates_nll:
        return -float(tf.reduce_mean(model.log_prob(batch)))
    x, y = batch if name in SUPERVISED else (batch, None)
    losses, _ = model.example_losses(x, y, training=False)
    return float(tf.reduce_mean(losses))


def weights(model):
    return [np.array(w.numpy()) for w in model.weights]


def assert_same_weights(a, b, atol=0.0):
    for x, y in zip(weights(a), weights(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=0.0, atol=atol)


@CASES
def test_is_built_before_fit(name):
    model = EVERY_MODEL[name].make()
    assert model.built and model.count_params() > 0


@CASES
def test_config_round_trip(name):
    model = EVERY_MODEL[name].make()
    config = model.get_config()
    arguments = inspect.signature(type(model).__init__).parameters.values()
    own = {
        a.name: a.default
        for a in arguments
        if a.kind is not a.VAR_KEYWORD and a.name != "self"
    }
    assert own.keys() <= config.keys()
    again = type(model).from_config(config)
    assert again.get_config() == config
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    plain = type(model)(
        **{k: config[k] for k, v in own.items() if v is inspect._empty}
    ).get_config()
    unchanged = {k for k, v in own.items() if plain[k] == config[k]}
    required = {k for k, v in own.items() if v is inspect._empty}
    assert unchanged - required == set(EVERY_MODEL[name].at_defaults), (
        "the table's row leaves an argument at its default"
    )


def presets():
    """Every preset; building the large ones takes long."""
    return [
        pytest.param(
            name,
            preset_name,
            marks=[SLOW] if preset.num_parameters > 2e6 else [],
        )
        for name in EVERY_MODEL
        for preset_name, preset in getattr(models, name).presets.items()
    ]


@pytest.mark.parametrize("name, preset_name", presets())
def test_presets_have_the_papers_parameters(name, preset_name):
    model_class = getattr(models, name)
    model = model_class.from_preset(preset_name)
    count = sum(math.prod(w.shape) for w in model.trainable_weights)
    assert count == model_class.presets[preset_name].num_parameters


@CASES
def test_unknown_presets_are_refused(name):
    with pytest.raises(ValueError, match="has no preset 'nothing'"):
        getattr(models, name).from_preset("nothing")


@pytest.mark.parametrize("name", [n for n in EVERY_MODEL if n not in GAMES])
@BOTH_MODES
def test_loss_falls_on_one_batch(name, jit_compile):
    model = compiled(name, jit_compile=jit_compile)
    before = loss_on_fixed_noise(model, name)
    steps(model, name, 15)
    assert loss_on_fixed_noise(model, name) < before - 0.05


def awake(model):
    """Gives weights a size at which every player hears the others.

    A discriminator of tiny first weights is as good as blind, and tells a
    generator nothing.
    """
    rng = np.random.default_rng(2)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) * 0.4)
    return model


PLAYERS = [
    (name, player)
    for name, case in GAMES.items()
    for player in case.make().loss_names
]


def mean_loss(model, name, player):
    """A player's mean loss on the batch, with the noise of the first step."""
    batch = GAMES[name].batch(BATCH)
    data = batch if isinstance(batch, tuple) else (batch,)
    batch = model.seeded_batch(data, step=0)
    losses, _ = getattr(model, f"{player}_loss")(batch)
    return float(tf.reduce_mean(losses))


@pytest.mark.parametrize(
    "name, player",
    [
        pytest.param(*p, marks=[] if p[0] in REPRESENTATIVES else SLOW)
        for p in PLAYERS
    ],
)
def test_a_players_loss_falls_while_the_others_stand_still(name, player):
    model = awake(compiled(name, **GAMES[name].quiet))
    for other in model.group_networks:
        if other != player:
            getattr(model, f"{other}_optimizer").learning_rate = 0.0
    mine = model.group_networks[player]
    theirs = [
        v
        for networks in model.group_networks.values()
        for network in networks
        for v in network.trainable_variables
        if not any(v is w for n in mine for w in n.trainable_variables)
    ]
    before = [v.numpy() for v in theirs]
    # Every step draws new noise; one draw is compared with itself.
    losses = [mean_loss(model, name, player)]
    steps(model, name, 20)
    losses.append(mean_loss(model, name, player))
    assert losses[1] < losses[0] - 0.05
    for value, variable in zip(before, theirs, strict=True):
        np.testing.assert_array_equal(value, variable.numpy())


@all_but_slow(GAMES)
def test_a_game_of_one_compiled_step_equals_the_plain_one(name):
    quiet = GAMES[name].quiet
    plain = compiled(name, **quiet)
    xla = compiled(name, jit_compile=True, **quiet)
    losses = [steps(m, name, 4) for m in (plain, xla)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)


@pytest.mark.parametrize("name, player", PLAYERS)
def test_a_players_gradients_are_everywhere_and_finite(name, player):
    model = awake(GAMES[name].make())
    batch = GAMES[name].batch(BATCH)
    data = batch if isinstance(batch, tuple) else (batch,)
    variables = [
        v for n in model.group_networks[player] for v in n.trainable_variables
    ]
    with tf.GradientTape() as tape:
        batch = model.seeded_batch(data, step=0)
        losses, _ = getattr(model, f"{player}_loss")(batch)
        loss = tf.reduce_mean(losses)
    for gradient in tape.gradient(loss, variables):
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0.0


@all_but_slow(GAMES)
@pytest.mark.parametrize("policy", POLICIES)
def test_a_game_trains_under_every_policy_with_float32_logits(name, policy):
    model = compiled(name, dtype=policy)
    before = weights(model)
    losses = steps(model, name, 4)
    assert np.isfinite(losses).all()
    is_scaled = {
        isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        for optimizer, _ in model.optimizer_groups.values()
    }
    assert is_scaled == {policy == "mixed_float16"}
    assert any(
        (a != b).any() for a, b in zip(before, weights(model), strict=True)
    )
    full = GAMES[name].make()
    full.set_weights(model.get_weights())
    assert model(inputs(name)).dtype == tf.float32
    np.testing.assert_allclose(
        model(inputs(name)), full(inputs(name)), atol=0.05
    )


@pytest.mark.parametrize("name", [n for n in EVERY_MODEL if n not in GAMES])
def test_gradients_are_everywhere_and_finite(name):
    model = EVERY_MODEL[name].make()
    with tf.GradientTape() as tape:
        batch = EVERY_MODEL[name].batch(BATCH)
        x, y = batch if name in SUPERVISED else (batch, None)
        losses, _ = model.example_losses(x, y, training=True)
        loss = tf.reduce_mean(losses)
    for gradient in tape.gradient(loss, model.trainable_variables):
        gradient = tf.convert_to_tensor(gradient)
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0.0


@CASES
def test_eager_graph_and_xla_agree(name):
    model = EVERY_MODEL[name].make()
    x = tf.constant(inputs(name))
    eager = model(x)
    for jit in (False, True):
        outputs = tf.function(model, jit_compile=jit)(x)
        np.testing.assert_allclose(eager, outputs, atol=1e-5)


@all_but_slow(MODELS)
@pytest.mark.parametrize("policy", POLICIES)
def test_trains_under_every_policy_with_float32_densities(name, policy):
    model = compiled(name, dtype=policy)
    losses = [loss_on_fixed_noise(model, name)]
    losses += [*steps(model, name, 10), loss_on_fixed_noise(model, name)]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    log_prob = model.log_prob(MODELS[name].batch(BATCH))
    assert log_prob.dtype == tf.float32
    full = MODELS[name].make()
    full.set_weights(model.get_weights())
    np.testing.assert_allclose(
        log_prob,
        full.log_prob(MODELS[name].batch(BATCH)),
        rtol=1e-5 if policy == "float32" else MODELS[name].policy_rtol,
    )


@all_but_slow(EVERY_MODEL)
def test_keras_file_keeps_outputs_and_the_next_step(name, tmp_path):
    model = compiled(name)
    steps(model, name, 3)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = inputs(name)
    np.testing.assert_array_equal(model(x), again(x))
    before = weights(model)
    for each in (model, again):
        steps(each, name, 2)
    assert_same_weights(model, again)
    assert any(
        (a != b).any() for a, b in zip(before, weights(model), strict=True)
    )


@all_but_slow(EVERY_MODEL)
def test_resumed_equals_uninterrupted(name, tmp_path):
    whole, resumed = compiled(name), compiled(name)
    steps(whole, name, 3)
    CheckpointStore(tmp_path, whole.training_state).save(3, {})
    CheckpointStore(tmp_path, resumed.training_state).restore()
    for model in (whole, resumed):
        steps(model, name, 3)
    assert_same_weights(whole, resumed)


@all_but_slow(EVERY_MODEL)
def test_two_replicas_equal_one(name, two_replicas):
    quiet = EVERY_MODEL[name].quiet
    one = compiled(name, **quiet)
    two = compiled(name, two_replicas, **quiet)
    losses = [steps(m, name, 4, size=11) for m in (one, two)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    assert_same_weights(one, two, atol=EVERY_MODEL[name].replica_atol)


@DENSITIES
def test_no_retracing_from_request_to_request(name):
    model = MODELS[name].make()
    traces = []
    draw, score = model.draw, model._score

    def counted(function):
        def call(*args):
            traces.append(function.__name__)
            return function(*args)

        call.__name__ = function.__name__
        return call

    object.__setattr__(model, "draw", counted(draw))
    object.__setattr__(model, "_score", counted(score))
    for size in (5, 6, 7, 8):
        model.sample(size, seed=size, temperature=0.1 * size)
        model.log_prob(MODELS[name].batch(size))
    assert traces.count("draw") == traces.count("_score") == 1


@pytest.mark.parametrize("name", GAMES)
def test_a_game_does_not_retrace_from_request_to_request(name):
    model = GAMES[name].make()
    traces = []
    draw = model.draw

    def counted(*args):
        traces.append("draw")
        return draw(*args)

    counted.__name__ = "draw"
    object.__setattr__(model, "draw", counted)
    for size in (5, 6, 7, 8):
        model.sample(size, seed=size, temperature=0.1 * size)
    assert traces == ["draw"]


EXACT = [
    n for n, c in MODELS.items() if not is_bounded(c) and not c.estimates_nll
]
ESTIMATED = [n for n, c in MODELS.items() if c.estimates_nll]
BOUNDED = [n for n, c in MODELS.items() if is_bounded(c)]


@pytest.mark.parametrize("name", EXACT)
def test_evaluate_reports_the_mean_of_log_prob(name):
    model = compiled(name)
    x = MODELS[name].batch(BATCH)
    logs = model.evaluate(x, batch_size=5, verbose=0, return_dict=True)
    nll = -model.log_prob(x).numpy().mean()
    assert logs["nll"] == pytest.approx(nll, rel=1e-5)
    if "bits_per_dim" in logs:
        bits = nll / (x[0].size * np.log(2.0))
        assert logs["bits_per_dim"] == pytest.approx(bits, rel=1e-5)
    else:
        steps = model.num_steps(x).numpy().mean()
        assert logs["nll_per_step"] == pytest.approx(nll / steps, rel=1e-5)


@all_but_slow(SUPERVISED)
@pytest.mark.parametrize("policy", POLICIES)
def test_trains_under_every_policy_with_float32_predictions(name, policy):
    model = compiled(name, dtype=policy)
    losses = steps(model, name, 25)
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    assert model(inputs(name)).dtype == tf.float32
    full = EVERY_MODEL[name].make()
    full.set_weights(model.get_weights())
    np.testing.assert_allclose(
        model(inputs(name)), full(inputs(name)), atol=0.05
    )


@pytest.mark.parametrize("name", ESTIMATED)
def test_evaluate_estimates_the_mean_of_log_prob(name):
    model = compiled(name)
    x = np.repeat(MODELS[name].batch(BATCH), 50, axis=0)
    logs = model.evaluate(x, batch_size=300, verbose=0, return_dict=True)
    again = model.evaluate(x, batch_size=300, verbose=0, return_dict=True)
    assert again == logs
    nll = -model.log_prob(x).numpy().mean()
    # The mean over all orderings, where `log_prob` has an ensemble of few.
    assert logs["nll"] == pytest.approx(nll, rel=0.1)
    bits = logs["nll"] / (x[0].size * np.log(2.0))
    assert logs["bits_per_dim"] == pytest.approx(bits, rel=1e-5)


@pytest.mark.parametrize("name", SUPERVISED)
def test_inputs_without_targets_are_refused(name):
    model = compiled(name)
    for x in (inputs(name), tf.data.Dataset.from_tensors(inputs(name))):
        with pytest.raises(ValueError, match="give pairs `\\(x, y\\)`"):
            model.fit(x, verbose=0)


@pytest.mark.parametrize("name", BOUNDED)
def test_evaluate_reports_both_terms_of_the_bound(name):
    model = compiled(name)
    x = MODELS[name].batch(BATCH)
    logs = model.evaluate(x, batch_size=5, verbose=0, return_dict=True)
    terms = logs["reconstruction"] + logs["kl"]
    assert logs["negative_elbo"] == pytest.approx(terms, rel=1e-5)
    again = model.evaluate(x, batch_size=5, verbose=0, return_dict=True)
    assert again == logs
    _, terms = model.example_losses(x[:5], None, training=False)
    logs = model.evaluate(x[:5], verbose=0, return_dict=True)
    assert logs["kl"] == pytest.approx(np.mean(terms["kl"]), rel=1e-5)
    many = model.log_prob_bound(x, 200, seed=0).numpy().mean()
    assert -many < logs["negative_elbo"] + 1.0
