"""How a command ends, in a number: for launchers and schedulers."""

import signal

# What was asked for cannot be done; the same command fails again.
USAGE = 2
# Told to stop: what was trained until then is saved, and the same command goes
# on from it, or begins where nothing was trained yet.
TERMINATED = 128 + signal.SIGTERM
INTERRUPTED = 128 + signal.SIGINT
# Another worker of the group is gone; started again, all go on. `EX_TEMPFAIL`.
WORKER_LOST = 75
