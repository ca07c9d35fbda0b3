#!/bin/bash
#SBATCH --job-name=nmcfast
#SBATCH --array=0-99
#SBATCH --cpus-per-task=1
#SBATCH --mem=3G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
# A library by as many independent jobs as the array has tasks: sbatch docs/clusters/slurm.sh, again for what is missing.
# The last job to end, or the same command without --shards, seals it.
set -euo pipefail
count=${COUNT:-100000} size=64 out=${OUT:-lib.zarr}
shards=$(((count + size - 1) / size)) task=$SLURM_ARRAY_TASK_ID tasks=$SLURM_ARRAY_TASK_COUNT
export NUMBA_CACHE_DIR=${NUMBA_CACHE_DIR:-$HOME/.cache/nmcfast-numba}
exec nmcfast generate "$out" --count "$count" --seed 1 --shard-size "$size" \
    --shards "$((shards * task / tasks)):$((shards * (task + 1) / tasks))"
