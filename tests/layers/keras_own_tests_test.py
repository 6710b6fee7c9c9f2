"""Keras's own tests, of its wheel, over the classes that take its place."""

import importlib
import types
import unittest

import keras
import pytest

from keras_genseq import layers

RNN = "keras.src.layers.rnn"
CONVOLUTION = "keras.src.layers.convolutional"
ATTENTION = "keras.src.layers.attention"
PYTORCH = {"test_torch_cudnn_dispatch_fires"}
# Module -> what takes the place of Keras's classes there, and the tests that
# are not of the outside: of sublayers and inner methods, of other backends.
CASES = {
    f"{RNN}.simple_rnn_test": ({"SimpleRNN": layers.SimpleRNN}, set()),
    f"{RNN}.lstm_test": ({"LSTM": layers.LSTM}, PYTORCH),
    f"{RNN}.gru_test": ({"GRU": layers.GRU}, PYTORCH),
    f"{RNN}.bidirectional_test": (
        {"SimpleRNN": layers.SimpleRNN, "LSTM": layers.LSTM, "GRU": layers.GRU},
        set(),
    ),
    f"{CONVOLUTION}.conv_test": (
        {"Conv2D": layers.StridedConv2D},
        # They know the kinds of Keras alone.
        {
            "test_enable_lora_conv2d_kernel_size2_strides2",
            "test_enable_lora_conv2d_kernel_size3_strides1",
        },
    ),
    f"{CONVOLUTION}.conv_transpose_test": (
        {"Conv2DTranspose": layers.StridedConv2DTranspose},
        set(),
    ),
    f"{ATTENTION}.multi_head_attention_test": (
        {"MultiHeadAttention": layers.MultiHeadAttention},
        {
            "test_initializer",
            "test_mha_constraints",
            "test_dtype_policy_map",
            "test_lora",
            "test_quantize_int8",
            "test_causal_only_skipped_for_subclass",
            "test_compute_attention_combines_causal_and_explicit_mask_"
            "fused_fallback",
            "test_compute_attention_combines_causal_and_explicit_mask_"
            "manual_path",
        },
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("module", CASES)
def test_they_pass(module, request, monkeypatch):
    # A mark of theirs, which is none of ours.
    mark = "requires_trainable_backend: by a backend that has gradients"
    request.config.addinivalue_line("markers", mark)
    theirs = importlib.import_module(module)
    ours, inside = CASES[module]
    kinds = types.SimpleNamespace(**{**vars(theirs.layers), **ours})
    monkeypatch.setattr(theirs, "layers", kinds)
    suite = unittest.defaultTestLoader.loadTestsFromModule(theirs)
    result = unittest.TestResult()
    suite.run(result)
    # They leave it out.
    keras.config.enable_traceback_filtering()
    failed = {
        case.id().rpartition(".")[2]: trace
        for case, trace in (*result.failures, *result.errors)
        # By `pytest.skip`, which `unittest` takes for an error.
        if "Skipped: " not in trace
    }
    assert result.testsRun > 3
    assert set(failed) <= inside, failed
