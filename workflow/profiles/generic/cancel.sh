#!/usr/bin/env bash
# Snakemake calls it with the numbers of jobs alone.
exec "$(dirname "$0")/scheduler.sh" cancel "$@"
