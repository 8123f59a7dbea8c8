#!/usr/bin/env bash
# One way to submit, ask about and cancel jobs of SGE, PBS and LSF.
#
#     scheduler.sh submit THREADS MEM_MB MINUTES GPUS NAME SCRIPT     prints the job's number
#     scheduler.sh status JOB                                         running, success or failed
#     scheduler.sh cancel JOB...
#
# VISAGRAPH_SCHEDULER says which one it is (sge, pbs or lsf); else it is told by its commands.
# VISAGRAPH_SUBMIT holds more words for the submit command, such as a queue: "-q long".
set -euo pipefail

scheduler=${VISAGRAPH_SCHEDULER:-}
if [ -z "$scheduler" ]; then
  if command -v bsub >/dev/null; then
    scheduler=lsf
  elif command -v pbsnodes >/dev/null; then
    scheduler=pbs
  elif command -v qsub >/dev/null; then
    scheduler=sge
  else
    echo "no bsub, pbsnodes or qsub here: run this where jobs are submitted" >&2
    exit 1
  fi
fi
case $scheduler in
  sge | pbs | lsf) ;;
  *) echo "VISAGRAPH_SCHEDULER is '$scheduler', expected sge, pbs or lsf" >&2 && exit 1 ;;
esac
logs=.snakemake/cluster_logs

submit() {
  local threads=$1 memory=$2 minutes=$3 gpus=$4 name=$5 script=$6 more limit words=()
  limit=$(printf '%d:%02d:00' $((minutes / 60)) $((minutes % 60)))
  read -r -a more <<<"${VISAGRAPH_SUBMIT:-}"
  mkdir -p "$logs"
  case $scheduler in
    sge)
      words=(-terse -cwd -V -j y -o "$logs" -N "visagraph_$name" -l "h_rt=$limit")
      words+=(-l "h_vmem=$((memory / threads))M") # SGE counts it per slot
      [ "$threads" -gt 1 ] && words+=(-pe smp "$threads")
      [ "$gpus" -gt 0 ] && words+=(-l "gpu=$gpus")
      qsub "${words[@]}" ${more[@]+"${more[@]}"} "$script"
      ;;
    pbs)
      words=(-V -j oe -o "$logs/" -N "$name" -l "walltime=$limit")
      words+=(-l "select=1:ncpus=$threads:mem=${memory}mb:ngpus=$gpus")
      qsub "${words[@]}" ${more[@]+"${more[@]}"} "$script"
      ;;
    lsf)
      words=(-J "visagraph_$name" -n "$threads" -R "span[hosts=1]" -W "$minutes")
      words+=(-M "${memory}MB" -R "rusage[mem=${memory}MB]" -o "$logs/%J.log")
      [ "$gpus" -gt 0 ] && words+=(-gpu "num=$gpus")
      bsub "${words[@]}" ${more[@]+"${more[@]}"} bash "$script" | sed -n 's/^Job <\([0-9]*\)>.*/\1/p'
      ;;
  esac
}

status() {
  local job=$1 found
  case $scheduler in
    sge)
      if found=$(qstat -u '*' 2>/dev/null | awk -v job="$job" '$1 == job { print $5 }') && [ -n "$found" ]; then
        case $found in *E*) echo failed ;; *) echo running ;; esac
      else
        ended qacct -j "$job"
      fi
      ;;
    pbs) ended qstat -x -f "$job" ;;
    lsf)
      case $(bjobs -noheader -o stat "$job" 2>/dev/null) in
        DONE) echo success ;;
        EXIT | "") echo failed ;;
        *) echo running ;;
      esac
      ;;
  esac
}

# What the accounting of SGE or PBS says; its record may come seconds after the job's end.
ended() {
  local text code try
  for try in 1 2 3 4 5 6; do
    if text=$("$@" 2>/dev/null); then
      code=$(sed -n -E 's/^ *(exit_status|Exit_status)[ =]+(-?[0-9]+).*/\2/p' <<<"$text" | tail -n 1)
      if [ -n "$code" ]; then
        if [ "$code" -eq 0 ]; then echo success; else echo failed; fi
        return
      fi
      if grep -q -E 'job_state = [^F]' <<<"$text"; then
        echo running
        return
      fi
    fi
    sleep "${VISAGRAPH_ACCOUNTING_WAIT_S:-5}"
  done
  echo failed # nobody knows the job: it was deleted
}

cancel() {
  case $scheduler in
    lsf) bkill "$@" ;;
    *) qdel "$@" ;;
  esac
}

action=${1:-}
case $action in
  submit | status | cancel) shift && "$action" "$@" ;;
  *) echo "submit, status or cancel, not '$action'" >&2 && exit 2 ;;
esac
