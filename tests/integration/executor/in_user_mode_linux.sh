#!/usr/bin/env bash
# The tests of control groups with version 2, where the host has version 1: in a User-Mode Linux
# (of Debian's package user-mode-linux) that has the files of this host. As root of it, and in a
# group that has been given to another user. To be run as root from the project's folder.
set -euo pipefail

tests() {
    "$@" .venv/bin/python -m pytest -q -rs --color=no -p no:cacheprovider \
        tests/integration/executor/test_cgroups.py || true
}

if [ "$$" != 1 ]; then
    said=$(linux.uml rootfstype=hostfs rootflags=/ rw mem=2G quiet cgroup_no_v1=all \
        con=null con0=null,fd:1 PROJECT="$PWD" init="$(realpath "$0")" < /dev/null)
    echo "$said"
    [ "$(tr -d '\r' <<< "$said" | grep -cE '^[0-9]+ passed in')" = 2 ]
    exit
fi

export PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd "$PROJECT"
mount -t proc proc /proc
mount -t sysfs sys /sys
for folder in /tmp /run /dev/shm; do
    mkdir -p "$folder"
    mount -t tmpfs tmpfs "$folder"
done
mount -t cgroup2 none /sys/fs/cgroup
tests env

given=/sys/fs/cgroup/given
mkdir -p "$given"
for folder in /sys/fs/cgroup "$given"; do
    echo "+memory +pids" > "$folder/cgroup.subtree_control"
done
mkdir "$given/session"
echo $$ > "$given/session/cgroup.procs"
tests unshare --user --map-user=1000 --map-group=1000
sync
echo o > /proc/sysrq-trigger
sleep 60
