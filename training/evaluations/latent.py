"""Latent-variable models: bounds, codes, pictures."""


def evaluate_latent(evaluation):
    raise NotImplementedError
