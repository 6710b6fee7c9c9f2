"""Commands that export models and ask them."""

import os
from pathlib import Path
from typing import Literal

import tyro

from training import command_checks
from training.silent_import import import_tensorflow

Folder = tyro.conf.Positional[Path]


def export(
    run_dir: Folder | None = None,
    /,
    output: Path = Path("saved_models"),
    name: str | None = None,
    max_steps: int | None = None,
    all: bool = False,
    keep: int | None = None,
    weights: Literal["float32", "float16", "int8"] = "float32",
    onnx: bool = False,
    litert: bool = False,
    promote: str | None = None,
    roll_back: str | None = None,
):
    """Export a run's model as the next version for TensorFlow Serving.

    Args:
        run_dir: Folder of a run; with --all, of runs (by default runs/).
        output: Folder of exported models.
        name: Name of the served model; by default the recipe's.
        max_steps: The most that a request may ask of one row (steps of a
            sequence, bytes of a text, steps to draw); by default 65,536.
        all: Export every run in the folder that has ended.
        keep: Remove all but so many of the newest versions; labeled ones
            stay.
        weights: How matrices are kept: in int8 with a scale for each channel
            they take a quarter of the room, and answers are a little other
            ones.
        onnx: Write signatures of fixed tensors for ONNX Runtime, too, and
            compare their answers.
        litert: The same for LiteRT (TensorFlow Lite).
        promote: In place of an export: `NAME` or `NAME:VERSION` becomes the
            `stable` one; newer versions are `canary`.
        roll_back: In place of an export: the version of model `NAME` before
            the `stable` one is stable again.
    """
    chosen = [run_dir is not None or all, promote, roll_back]
    if sum(map(bool, chosen)) != 1 or (all and name):
        raise ValueError(
            "Give a run, or --all (without --name), or --promote NAME, or "
            "--roll-back NAME."
        )
    if run_dir is not None and not all:
        command_checks.check_run(run_dir)
    import_tensorflow()
    from keras_genseq import export as library
    from training import export as runs

    runtimes = [
        name
        for name, is_wanted in (("onnx", onnx), ("litert", litert))
        if is_wanted
    ]
    options = {"weights": weights, "runtimes": runtimes}
    if promote:
        model, version = runs.model_and_version(promote)
        version = library.promote(output, model, version)
        print(f"{model}: version {version} is stable.")
    elif roll_back:
        version = library.roll_back(output, roll_back)
        print(f"{roll_back}: version {version} is stable again.")
    elif all:
        runs.export_all(
            run_dir or Path("runs"), output, max_steps, keep, **options
        )
    else:
        runs.export(run_dir, output, name, max_steps, keep, **options)


def query(
    saved_model: tyro.conf.Positional[str],
    signature: tyro.conf.Positional[str] = "serving_default",
    /,
    input: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    output: str | None = None,
    url: str | None = None,
    cards: Path | None = None,
    version: int | None = None,
    label: str | None = None,
    timeout: float = 60.0,
):
    """Run a signature of an exported model, as TensorFlow Serving would.

    Args:
        saved_model: SavedModel, or folder of versions; with --url the name
            of a model.
        signature: Name of a signature.
        input: `name=FILE.npy`, `name=FILE.npz:key`, `name=FILE.png` or
            `name=LITERAL`; without any, the model's own example is sent.
        output: NPZ file for the whole answer.
        url: A server to be asked: http://HOST:8501 or grpc://HOST:8500.
        cards: With --url, a folder of exported models, whose cards tell the
            defaults of inputs that are not given.
        version: With --url, a version of the model.
        label: With --url, a label (`stable`, `canary`).
        timeout: With --url, seconds.
    """
    import_tensorflow(keras=False)
    if url is not None:
        from training.query_server import query_server

        target = {"version": version, "label": label, "timeout": timeout}
        query_server(url, saved_model, signature, input, output, cards, target)
        return
    from training.query import query as query_model

    query_model(saved_model, signature, input, output)


def serve(
    saved_models: tyro.conf.Positional[Path] = Path("saved_models"),
    /,
    host: str = "127.0.0.1",
    port: int = 8501,
    grpc_port: int = 8500,
    poll_seconds: float = 1.0,
    max_body_bytes: int = 64 << 20,
    max_seconds: float = 60.0,
    max_pending: int = 256,
    threads: int = os.cpu_count() or 1,
):
    """Serve exported models where TensorFlow Serving is not at hand.

    Args:
        saved_models: Folder of exported models.
        host: Where to listen; without authentication, so by default only this
            machine is answered.
        port: Port of REST.
        grpc_port: Port of gRPC.
        poll_seconds: How often the folder is looked at for versions.
        max_body_bytes: The longest request.
        max_seconds: The longest time of a request.
        max_pending: Requests at a time; further ones are told to come again.
        threads: Threads that run models.
    """
    import_tensorflow(keras=False)
    try:
        from training.serving import Limits
        from training.serving import serve as serve_models
    except ModuleNotFoundError as error:
        raise ImportError(
            f"Serving needs {error.name}: `pip install "
            "'keras-genseq[serving]'`."
        ) from error

    serve_models(
        saved_models,
        host=host,
        port=port,
        grpc_port=grpc_port,
        poll_seconds=poll_seconds,
        limits=Limits(
            max_body_bytes=max_body_bytes,
            max_seconds=max_seconds,
            max_pending=max_pending,
            num_threads=threads,
        ),
    )


def check_export(
    saved_model: tyro.conf.Positional[str],
    /,
    against: Path | None = None,
):
    """Check that an exported model serves what it says.

    Args:
        saved_model: SavedModel, or folder of versions.
        against: Run, or `.keras` file, whose model must answer alike in
            Python.
    """
    import_tensorflow(keras=False)
    from training.check_export import check_export as check

    check(saved_model, against)
