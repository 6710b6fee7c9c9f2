"""How a command ends, in a number: for launchers and schedulers."""

# What was asked for cannot be done; the same command fails again. (A run that
# was told to stop has saved itself, and ends with 128 and the signal's number.)
USAGE = 2
# Another worker of the group is gone; started again, all go on. `EX_TEMPFAIL`.
WORKER_LOST = 75
