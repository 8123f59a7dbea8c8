#!/usr/bin/env bash
# A Slurm of one node for tests: munged, slurmctld and slurmd, with GPUs that are only device files.
#
#     tests/cluster/slurm.sh start FOLDER [GPUS]     prints what to export
#     tests/cluster/slurm.sh stop FOLDER
#
# Needs root and, on Debian: apt-get install --no-install-recommends slurm-wlm slurmctld slurmd
# slurm-wlm-basic-plugins munge. No systemd, no cgroups, no accounting database. All state is in
# FOLDER but for links in /etc/slurm, since Snakemake's plugin drops SLURM_CONF inside of jobs.
set -euo pipefail

action=${1:?start or stop}
folder=$(realpath -m "${2:?folder for keys, logs and state}")
gpus=${3:-2}
host=$(hostname -s)
links=/etc/slurm
export SLURM_CONF=$folder/slurm.conf

start() {
  mkdir -p "$folder"/{munge,state,spool,log,devices} "$links"
  for file in slurm.conf gres.conf cgroup.conf; do
    if [ -e "$links/$file" ] && [ ! -L "$links/$file" ]; then
      echo "$links/$file is there: this machine has a Slurm of its own" >&2
      exit 1
    fi
    ln -sfn "$folder/$file" "$links/$file"
  done
  write_configuration
  [ -s "$folder/munge/key" ] || (umask 077 && head -c 1024 /dev/urandom >"$folder/munge/key")
  munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
    --pid-file="$folder/munge/pid" --seed-file="$folder/munge/seed" \
    --log-file="$folder/log/munge.log"
  slurmctld -f "$SLURM_CONF"
  slurmd -f "$SLURM_CONF" -N "$host"
  for _ in $(seq 60); do
    if [ "$(sinfo --noheader --format=%t 2>/dev/null | sort -u)" = idle ]; then
      echo "export SLURM_CONF=$SLURM_CONF"
      return
    fi
    sleep 0.5
  done
  sinfo || true
  tail -n 20 "$folder"/log/*.log >&2
  exit 1
}

write_configuration() {
  local memory device
  memory=$(awk '/MemTotal/ { print int($2 / 1024 * 0.9) }' /proc/meminfo)
  for device in $(seq 0 $((gpus - 1))); do # Slurm takes character devices alone; this is /dev/null
    [ -e "$folder/devices/gpu$device" ] || mknod "$folder/devices/gpu$device" c 1 3
  done
  printf 'AutoDetect=off\nName=gpu File=%s/devices/gpu[0-%d] Flags=nvidia_gpu_env\n' \
    "$folder" $((gpus - 1)) >"$folder/gres.conf"
  printf 'CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n' >"$folder/cgroup.conf" # else it looks for v2
  cat >"$folder/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CryptoType=crypto/munge
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
ReturnToService=2
MinJobAge=3600
KillWait=5
SchedulerParameters=bf_interval=5,sched_interval=2,batch_sched_delay=0
MpiDefault=none
SwitchType=switch/none
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 RealMemory=$memory Gres=gpu:$gpus State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=$host MaxTime=INFINITE State=UP
END
}

stop() {
  local pid file
  scancel --user=root 2>/dev/null || true
  for pid in slurmd.pid slurmctld.pid munge/pid; do
    [ -s "$folder/$pid" ] && kill "$(cat "$folder/$pid")" 2>/dev/null || true
  done
  for file in slurm.conf gres.conf cgroup.conf; do
    [ "$(readlink "$links/$file")" = "$folder/$file" ] && rm -f "$links/$file"
  done
  return 0
}

case $action in
  start | stop) "$action" ;;
  *) echo "start or stop, not $action" >&2 && exit 2 ;;
esac
