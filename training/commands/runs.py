"""Commands that make runs and use what they leave."""

import sys
import time
from pathlib import Path
from typing import Literal

import tyro

from training import command_checks
from training.names import check_name
from training.silent_import import import_tensorflow

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
