"""Command line: `python -m training COMMAND`."""

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

import tyro

from training import command_checks
from training import exit_status
from training.names import check_name

Recipes = tyro.conf.Positional[str]
Folder = tyro.conf.Positional[Path]


def list_recipes(name: tyro.conf.Positional[str] = "", /):
    """Print the recipes with their data and cost, or all about one of them.

    Args:
        name: A recipe: its presets, and what `train --set` reaches.
    """
    from training.recipes import PRESETS
    from training.recipes import RECIPES
    from training.recipes import find_recipe

    if name:
        check_name(name, RECIPES, "recipe")
    import_tensorflow()
    if name:
        from training.listing import list_recipe

        print("\n".join(list_recipe(name)))
        return
    for name, title in RECIPES.items():
        print(f"{name}: {title}")
        for preset in PRESETS:
            recipe = find_recipe(name, preset)
            print(
                f"  --preset {preset:6} {recipe.data.source:24} {recipe.cost}"
            )


def train(
    recipe: Recipes,
    /,
    preset: str = "demo",
    data: str | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    run_dir: Path | None = None,
    strategy: Literal[
        "auto", "one_device", "mirrored", "multi_worker", "tpu"
    ] = "auto",
    devices: int | None = None,
    scale_learning_rate: bool = False,
    seed: int | None = None,
    dtype_policy: str | None = None,
    gradient_accumulation: int | None = None,
    xla: Literal["on", "off"] | None = None,
    profile: bool = False,
    init_from: Path | None = None,
    checkpoint_to: str | None = None,
    data_service: str | None = None,
    set: tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]] = (),
):
    """Train a recipe, evaluate it and write its report.

    Started again with the same --run-dir, a run goes on where it stopped; with
    more epochs or steps, one that has ended goes on too.

    Args:
        recipe: Name of a recipe (`list` prints them).
        preset: `demo` (embedded data, minutes) or `paper`.
        data: Source that replaces the recipe's, to which the recipe is then
            fitted: images:DIR, npz:FILE, idx:DIR, captions:DIR,
            domains:DIR_A,DIR_B, attributes:DIR, text:FILE,
            series:FILE.csv, pairs:FILE.tsv,
            parallel:DIR/SOURCE-TARGET, chorales:FILE.json,
            tfds:NAME[/CONFIG]; or embedded: digits, captioned_digits,
            photographs, python_docs, dates, noisy_sine, cadences, adding:T,
            copy:T. Behind images, attributes, captions, domains and tfds
            `?size=N` crops and resizes; behind series
            `?gaps=fill|drop` and `?length=N`.
        epochs: Epochs, in place of the recipe's.
        steps: Stop after this many updates.
        run_dir: Folder of the run; by default a new one below runs/.
        strategy: Distribution strategy. `multi_worker` takes TF_CONFIG, or a
            Slurm step (`launch` starts workers on one machine), `tpu` TPU_NAME.
        devices: Devices of `mirrored`; by default all GPUs, or two CPUs.
        scale_learning_rate: Multiply the global batch and the learning rates
            by the number of replicas; without it the batch is shared out, and
            the numbers are those of one replica.
        seed: Seed of weights, data order and noise.
        dtype_policy: Policy of training, e.g. mixed_bfloat16; the model that
            is kept computes in float32.
        gradient_accumulation: Parts in which a batch is worked off, one after
            the other, for one update: less memory, the same numbers.
        xla: Whether XLA compiles the updates; by default as the recipe says.
        profile: Write a profile of some updates for TensorBoard.
        init_from: Run, or `.keras` file, from whose weights training starts.
        checkpoint_to: URL of a folder (s3://, gs://, abfs://, file://, all that
            fsspec opens) that gets a copy of every checkpoint; a run whose
            folder has none goes on from the newest there.
        data_service: `host:port` of a dispatcher of tf.data's service, whose
            workers make the batches of training. With one worker they are
            the same, in the same order.
        set: Values of the recipe, `path=value` (e.g. model.units=300
            optimizer.learning_rate=0.001).
    """
    named = {
        "data": data,
        "epochs": epochs,
        "steps": steps,
        "seed": seed,
        "dtype_policy": dtype_policy,
        "gradient_accumulation_steps": gradient_accumulation,
        "jit_compile": xla and xla == "on",
        "init_from": init_from,
    }
    overrides = [f"{k}={v}" for k, v in named.items() if v is not None]
    overrides += [assignment for group in set for assignment in group]
    command_checks.check_train(recipe, preset, overrides)
    data_service = command_checks.checked_address(data_service)
    copy_to = None
    if checkpoint_to is not None:
        from training.remote_folder import RemoteFolder

        copy_to = RemoteFolder(checkpoint_to)
    import_tensorflow()
    from training.evaluate import evaluate as evaluate_run
    from training.resolve import resolve_run
    from training.resolve import scaled_to
    from training.strategies import make_strategy
    from training.train import copy_run
    from training.train import train as train_run

    strategy = make_strategy(strategy, devices)
    if scale_learning_rate:
        num_replicas = strategy.num_replicas_in_sync
        overrides += scaled_to(recipe, preset, overrides, num_replicas)
    resolved, config = resolve_run(recipe, preset, overrides)
    if run_dir is None:
        run_dir = _new_run_dir(f"{recipe}-{preset}")
    run = train_run(
        resolved,
        run_dir,
        config=config,
        strategy=strategy,
        profile=profile,
        copy_to=copy_to,
        data_service=data_service,
    )
    if run is not None:
        evaluate_run(run.path)
        if copy_to is not None:
            copy_run(resolved, run, copy_to)


def _new_run_dir(name):
    return Path("runs") / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"


def launch(
    command: tyro.conf.Positional[tuple[str, ...]],
    /,
    workers: int = 2,
    max_restarts: int = 3,
    host_network: bool = False,
    ray: bool = False,
    address: str | None = None,
):
    """Start the workers of a run: launch --workers N -- train RECIPE ...

    Args:
        command: The command of every worker, after `--`: `train RECIPE ...`.
        workers: How many: processes on this machine, or workers of Ray.
        max_restarts: How often all are started again when one has died.
        host_network: Leave the workers in the machine's network, where their
            servers listen on every interface and ask nobody who they are; else
            they get one of their own, where that is allowed, and reach nothing.
        ray: Start them as workers of Ray Train, on the hosts of its cluster.
        address: Address of Ray's cluster; by default a new one, on this
            machine.
    """
    command_checks.check_launch(command, address, ray, host_network)
    if not any(word.split("=")[0] == "--run-dir" for word in command):
        # The same one for all workers, and for those that come after them.
        command += ("--run-dir", str(_new_run_dir(command[1])))
    if not any(word.split("=")[0] == "--strategy" for word in command):
        command += ("--strategy", "multi_worker")
    if ray:
        from training.launch_ray import launch_ray as launch_workers

        options = {"address": address}
    else:
        from training.launch import launch as launch_workers

        options = {"host_network": host_network}
    command = [sys.executable, "-m", "training", *command]
    status = launch_workers(
        command, workers=workers, max_restarts=max_restarts, **options
    )
    raise SystemExit(status)


def evaluate(run_dir: Folder, /):
    """Evaluate a run again and write its report.

    Args:
        run_dir: Folder of a run.
    """
    command_checks.check_run(run_dir)
    import_tensorflow()
    from training.evaluate import evaluate as evaluate_run

    evaluate_run(run_dir)


def sample(
    run_dir: Folder,
    /,
    num_samples: int | None = None,
    seed: int = 0,
    temperature: float = 1.0,
    output: Path | None = None,
    prompt: str | None = None,
    length: int | None = None,
):
    """Draw samples from a run's model; print those that are texts.

    Args:
        run_dir: Folder of a run.
        num_samples: How many; by default 64, or 3 texts.
        seed: Seed of the first one; sample i does not depend on how many.
        temperature: Below 1 sharpens; 0 takes the likeliest value.
        output: PNG (a grid), TXT or NPY file; by default samples.png, or
            samples.txt, in the run.
        prompt: What texts begin with, a text to translate, or a caption.
        length: Tokens of a text, by default 200.
    """
    command_checks.check_run(run_dir)
    import_tensorflow()
    from training.sample import sample as sample_run

    sample_run(run_dir, num_samples, seed, temperature, output, prompt, length)


def forecast(
    run_dir: Folder,
    /,
    history: Path,
    steps: int,
    gaps: Literal["refuse", "fill", "drop"] = "refuse",
    seed: int = 0,
    output: Path | None = None,
):
    """Continue a table by the model of a run: its columns, in their units.

    Args:
        run_dir: Folder of a run.
        history: CSV file with the columns that the run was trained on.
        steps: Rows to come.
        gaps: What to do where cells are empty.
        seed: Seed of the continuations that the quantiles are of.
        output: CSV file; by default forecast.csv in the run.
    """
    command_checks.check_run(run_dir)
    import_tensorflow()
    from training.forecast import forecast as forecast_run

    forecast_run(run_dir, history, steps, gaps, seed, output)


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


def tokenizer(
    source: tyro.conf.Positional[str],
    /,
    output: Path,
    vocabulary_size: int = 8000,
    kind: Literal["unigram", "bpe"] = "unigram",
):
    """Train a SentencePiece tokenizer on the training split of a data set.

    Args:
        source: Texts or pairs of texts, as `train --data` takes them.
        output: File to write.
        vocabulary_size: Ids, padding among them.
        kind: Which pieces to choose: those of a unigram model, or of
            byte-pair encoding.
    """
    command_checks.check_source(source)
    import_tensorflow()
    from training.subwords import write_tokenizer

    write_tokenizer(source, output, vocabulary_size, kind)


def benchmark(
    name: tyro.conf.Positional[str],
    /,
    repeats: int = 5,
    threads: int | None = None,
    write: bool = False,
):
    """Time a system beside its peers.

    Args:
        name: System to time (`adversarial`, `captions`, `checkpoints`, `dalle`,
            `nade`, `pixels`, `recurrent`, `restarts`, `serving`,
            `transformer`, `translation`, `vae`, `vit`).
        repeats: Timings of which the median counts.
        threads: Threads of TensorFlow and its peers; by default all cores.
        write: Put the table into docs/benchmarks.md.
    """
    import_tensorflow()
    from training.benchmarks.run import run_benchmark

    run_benchmark(name, repeats, write, threads)


def study(
    name: tyro.conf.Positional[str],
    /,
    output: Path | None = None,
    length: int | None = None,
    units: int | None = None,
    updates: int | None = None,
    recipe: str | None = None,
    epochs: int | None = None,
    pair: tuple[str, str] | None = None,
    seed: int | None = None,
):
    """Study a question: figures and numbers in a folder.

    Args:
        name: What to study. `gradients`: of SimpleRNN, LSTM and GRU against
            the lag in time. `anomalies`: two data sets, each told from the
            other by a density of it.
        output: Folder; by default runs/study-NAME.
        length: Steps of the sequences (gradients).
        units: Width of each cell (gradients).
        updates: Updates of the short training (gradients).
        recipe: Recipe of the density (anomalies).
        epochs: Epochs of each training (anomalies).
        pair: The two sources of data (anomalies).
        seed: Seed of weights and data.
    """
    import_tensorflow()
    from training.analyses import run_study

    options = {
        "length": length,
        "units": units,
        "updates": updates,
        "recipe": recipe,
        "epochs": epochs,
        "pair": pair,
        "seed": seed,
    }
    run_study(
        name,
        output or Path("runs") / f"study-{name}",
        **{k: v for k, v in options.items() if v is not None},
    )


def demo(
    run_dir: Path = Path("runs/demo"), output: Path = Path("saved_models")
):
    """Train, evaluate, sample, export and query NADE on embedded digits.

    Args:
        run_dir: Folder of the run.
        output: Folder of exported models.
    """
    from training.demo import demo as run_demo

    run_demo(run_dir, output)


COMMANDS = {
    "list": list_recipes,
    "train": train,
    "launch": launch,
    "evaluate": evaluate,
    "sample": sample,
    "forecast": forecast,
    "export": export,
    "query": query,
    "serve": serve,
    "check-export": check_export,
    "tokenizer": tokenizer,
    "benchmark": benchmark,
    "study": study,
    "demo": demo,
}


def import_tensorflow(keras=True):
    """Imports TensorFlow without what its libraries write to stderr.

    Args:
        keras: bool. Whether Keras and the library are imported too.
    """
    if "tensorflow" in sys.modules or os.environ.get(_VERBOSE):
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with _muted():
        import tensorflow as tf

        if keras:
            import keras_genseq  # noqa: F401
    tf.get_logger().setLevel("ERROR")


@contextlib.contextmanager
def _muted():
    """Holds back what is written to stderr; shows it if there is an error."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


# Set, it lets TensorFlow log, here and in processes that are started.
_VERBOSE = "KERAS_GENSEQ_VERBOSE"


def main(arguments=None):
    """Runs a command; an expected error is one sentence and exit code 2."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # The words behind `--` are another command's.
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--verbose" in own:
        arguments.remove("--verbose")
        os.environ[_VERBOSE] = "1"
    try:
        command_checks.check_options(own)
        tyro.extras.subcommand_cli_from_dict(
            COMMANDS,
            prog="python -m training",
            description="With --verbose a command shows TensorFlow's log.",
            args=arguments,
        )
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(f"Error: {error}", file=sys.stderr, flush=True)
        is_lost = type(error).__name__ == "WorkerLostError"
        status = exit_status.WORKER_LOST if is_lost else exit_status.USAGE
        if os.environ.get("TF_CONFIG"):
            # What is left of its group would keep the process from ending.
            sys.stdout.flush()
            os._exit(status)
        return status
    except KeyboardInterrupt:
        print(
            "\nStopped. What was saved stays: the same command goes on from "
            "there.",
            file=sys.stderr,
        )
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
