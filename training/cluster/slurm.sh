#!/bin/bash
# Trains a recipe on the hosts of a Slurm job, one worker each:
#   sbatch --nodes=4 slurm.sh nade --preset paper
# The folder runs/ must be seen by the first host at least. `multi_worker` reads
# the step's variables and sets TF_CONFIG from them (SlurmClusterResolver).
#SBATCH --job-name=keras_genseq
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --time=24:00:00
# Two minutes before the end every worker is told to stop: all save the same
# update, and the job is queued again to go on from it.
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append

max_restarts=3
told_to_stop=143
wrong_command=2

for ((restart = 0; restart <= max_restarts; restart++)); do
    # A group takes no worker back: when one dies, all end and all start again.
    srun --label --kill-on-bad-exit=1 python -m training train "$@" \
        --strategy multi_worker --run-dir "runs/slurm-$SLURM_JOB_ID"
    status=$?
    case $status in
        0 | "$wrong_command") exit $status ;;
        "$told_to_stop")
            scontrol requeue "$SLURM_JOB_ID"
            exit $status
            ;;
    esac
done
exit $status
