#!/usr/bin/env bash
# What the pod of a run does (run.yaml); run.env says where photos and results are.
#
#     run.sh fetch         photos from the bucket; results, too, where a new volume has none
#     run.sh run WORDS...  Snakemake by this profile, then the results to the bucket
#
# Ends with 0; with 1 where a stage failed or something must be put right, which another try would not do;
# with 75 where it may be tried again: what is fetched, made or published is not fetched, made or published again.
set -euo pipefail

here=$(dirname "$0")
photos=${VISAGRAPH_PHOTOS:-} results=${VISAGRAPH_RESULTS:-}
from=${VISAGRAPH_PHOTOS_FROM:-} to=${VISAGRAPH_RESULTS_TO:-}
wait_s=${VISAGRAPH_WAIT_S:-600}
again=75 # EX_TEMPFAIL of sysexits.h
ledger=batches.tsv # the one file that every results folder has

say() { echo "run.sh: $*" >&2; }
give_up() {
  say "$2"
  exit "$1"
}

copy() {
  rclone "$@" --stats 60s --stats-one-line --stats-log-level NOTICE ||
    give_up $again "rclone $1 failed: see above; what is there is not copied again"
}

# Names in a folder of the bucket; nothing where there is no such folder.
names() {
  local code=0
  rclone lsf --max-depth 1 "$1" || code=$?
  [ $code -eq 0 ] || [ $code -eq 3 ] || # 3: no such folder
    give_up $again "the folder $1 cannot be listed: see above; is there a section '${1%%:*}' in $RCLONE_CONFIG?"
}

check() {
  [ -n "$results" ] || give_up 1 "VISAGRAPH_RESULTS is empty, expected a folder of the volume"
  mkdir -p "$results" ${photos:+"$photos"} && [ -w "$results" ] ||
    give_up 1 "user $(id -u) cannot write $results: give the volume to it, or change runAsUser in run.yaml"
  if [ -n "$from$to" ]; then
    command -v rclone >/dev/null || give_up 1 "no rclone in this image: build it from envs/*.Dockerfile"
  fi
  if [ -n "$from" ] && [ -n "$to" ]; then
    case "${from%/}/" in "${to%/}"/*) give_up 1 "photos come from $from, inside $to, which publishing empties" ;; esac
    case "${to%/}/" in "${from%/}"/*) give_up 1 "results go to $to, inside $from: they would be taken for photos" ;; esac
  fi
}

fetch() {
  local found
  if [ -n "$from" ]; then
    copy copy "$from" "$photos"
  fi
  if [ -n "$to" ] && [ ! -e "$results/$ledger" ]; then
    found=$(names "$to")
    if grep -qx "$ledger" <<<"$found"; then
      say "the volume has no results: fetching those of $to"
      copy copy --exclude "/$ledger" "$to" "$results"
      copy copy --include "/$ledger" "$to" "$results" # last: a fetch that was cut short begins again
    fi
  fi
}

# The bucket's folder becomes equal to the results: who was purged from them is purged there.
publish() {
  local found
  if [ -z "$to" ] || [ ! -e "$results/$ledger" ]; then
    return
  fi
  found=$(names "$to")
  if [ -n "$found" ] && ! grep -qx "$ledger" <<<"$found"; then
    give_up 1 "$to holds something else ($(head -n 1 <<<"$found")), expected results or nothing: publishing deletes there what is not in the results; name another folder"
  fi
  copy copy --include "/$ledger" "$results" "$to" # first: a folder with it holds results
  copy sync --exclude ".*.lock" "$results" "$to"
}

# A pod that died may hold its lock for as long as its lease of the network file system lasts.
wait_for_lock() {
  local code=0
  flock --wait "$wait_s" --conflict-exit-code $again "$results/.run.lock" true || code=$?
  case $code in
    0) ;;
    $again) give_up $again "after $wait_s s, somebody else still works on $results" ;;
    *)
      say "the volume knows no locks; that this Job is the only run on $results is all that protects them"
      words+=(--nolock)
      ;;
  esac
}

run() {
  local code=0 pid stopped=0
  case " $* " in *" --config "* | *" -C "*) give_up 1 "settings go into settings.yaml: --config is taken" ;; esac
  words=(--workflow-profile "$here" "$@" --config "results=$results")
  if [ -n "$photos" ]; then
    words+=("photos=$photos")
  fi
  wait_for_lock
  python "$here/jobs.py" clear || give_up $again "jobs of an earlier pod are not gone"
  snakemake "${words[@]}" &
  pid=$!
  trap 'stopped=1; kill -TERM $pid' TERM INT
  wait $pid || code=$?
  if [ $stopped = 1 ]; then
    wait $pid || true
    give_up 143 "stopped; the next pod goes on"
  fi
  if [ $code -gt 128 ]; then
    give_up $code "Snakemake was killed; the next pod goes on"
  fi
  publish
  if [ $code -ne 0 ]; then
    give_up 1 "Snakemake ended with $code: see above, and $results/logs"
  fi
}

action=${1:-}
case $action in
  fetch | run) shift && check && "$action" "$@" ;;
  *) give_up 1 "fetch or run, not '$action'" ;;
esac
