"""What `evaluate` reports is what the model answers."""

import numpy as np
import pytest

from tests.conformance.batches import BATCH
from tests.conformance.batches import ROWS
from tests.conformance.instances import awake
from tests.conformance.instances import evaluable
from tests.conformance.rows import every_but_slow
from tests.conformance.table import DENSITIES

# A model that knows its likelihood by a bound alone has no exact one.
BOUNDED = {
    name: case
    for name, case in DENSITIES.items()
    if "VAE" in name or name == "ToyAutoencoder"
}
ESTIMATED = {n: c for n, c in DENSITIES.items() if c.estimates_nll}
EXACT = {
    n: c for n, c in DENSITIES.items() if n not in {**BOUNDED, **ESTIMATED}
}


def evaluated(model, x, y=None, batch_size=5):
    return model.evaluate(
        x, y, batch_size=batch_size, verbose=0, return_dict=True
    )


@every_but_slow(EXACT)
def test_evaluate_reports_the_mean_of_log_prob(case):
    model = evaluable(case)
    x, y = case.pair(ROWS)
    logs = evaluated(model, x, y)
    nll = -model.log_prob(x, **case.condition(ROWS)).numpy().mean()
    assert logs["nll"] == pytest.approx(nll, rel=1e-5)
    if "bits_per_dim" in logs:
        bits = nll / (x[0].size * np.log(2.0))
        assert logs["bits_per_dim"] == pytest.approx(bits, rel=1e-5)
    else:
        num_steps = model.num_steps(x).numpy().mean()
        assert logs["nll_per_step"] == pytest.approx(nll / num_steps, rel=1e-5)


@every_but_slow(ESTIMATED)
def test_evaluate_estimates_the_mean_of_log_prob(case):
    model = evaluable(case)
    x = np.repeat(case.batch(BATCH), 50, axis=0)
    logs = evaluated(model, x, batch_size=300)
    assert evaluated(model, x, batch_size=300) == logs
    nll = -model.log_prob(x).numpy().mean()
    # The mean over all orderings, where `log_prob` has an ensemble of few.
    assert logs["nll"] == pytest.approx(nll, rel=0.1)
    bits = logs["nll"] / (x[0].size * np.log(2.0))
    assert logs["bits_per_dim"] == pytest.approx(bits, rel=1e-5)


@every_but_slow(BOUNDED)
def test_evaluate_reports_both_terms_of_the_bound(case):
    model = evaluable(case)
    x, y = case.pair(BATCH)
    logs = evaluated(model, x, y)
    terms = logs["reconstruction"] + logs["kl"]
    assert logs["negative_elbo"] == pytest.approx(terms, rel=1e-5)
    assert evaluated(model, x, y) == logs
    _, terms = model.example_losses(*case.tensors(5), training=False)
    logs = evaluated(model, *case.pair(5))
    assert logs["kl"] == pytest.approx(np.mean(terms["kl"]), rel=1e-5)


@every_but_slow(BOUNDED)
def test_many_importance_samples_tighten_the_bound(case):
    model = awake(evaluable(case), 0.2)
    x, y = case.pair(BATCH)
    elbo = -evaluated(model, x, y)["negative_elbo"]
    many = model.log_prob_bound(x, 200, seed=0, **case.condition(BATCH))
    assert many.numpy().mean() > elbo
