"""Command line: `python -m training COMMAND`."""

import os
import sys

import tyro

from training import command_checks
from training import exit_status
from training.commands import COMMANDS
from training.interruption import Terminated
from training.interruption import terminated_by_signal
from training.silent_import import VERBOSE


def main(arguments=None):
    """Runs a command; an expected error is one sentence and exit code 2."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # The words behind `--` are another command's.
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--verbose" in own:
        arguments.remove("--verbose")
        os.environ[VERBOSE] = "1"
    try:
        with terminated_by_signal():
            command_checks.check_options(own)
            tyro.extras.subcommand_cli_from_dict(
                COMMANDS,
                prog="python -m training",
                description="With --verbose a command shows TensorFlow's log.",
                args=arguments,
            )
    except (
        ValueError,
        OSError,
        RuntimeError,
        ImportError,
        MemoryError,
    ) as error:
        words = str(error) or "There is not enough memory."
        print(f"Error: {words}", file=sys.stderr, flush=True)
        is_lost = type(error).__name__ == "WorkerLostError"
        return _ended(exit_status.WORKER_LOST if is_lost else exit_status.USAGE)
    except KeyboardInterrupt as stop:
        words = "What was saved stays: the same command goes on from there."
        print(f"\nStopped. {str(stop) or words}", file=sys.stderr, flush=True)
        is_told = isinstance(stop, Terminated)
        return _ended(
            exit_status.TERMINATED if is_told else exit_status.INTERRUPTED
        )
    return 0


def _ended(status):
    if os.environ.get("TF_CONFIG"):
        # What is left of its group would keep the process from ending.
        sys.stdout.flush()
        os._exit(status)
    return status


if __name__ == "__main__":
    sys.exit(main())
