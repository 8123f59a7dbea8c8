#!/usr/bin/env bash
# Snakemake calls it with the names of Jobs alone.
exec python "$(dirname "$0")/jobs.py" cancel "$@"
