#!/bin/bash
# Run systemd in a container until this program ends: systemd_container.sh NAME PATH...
# The container has its own namespaces (processes, mounts, cgroups, network) and copies of /etc and /var in memory, so
# users, services, and limits are real but leave no traces. PATHs are visible even if they are in /root or /tmp.
# Requires root and cgroups v1.
set -eu
name=$1; shift
export controllers="cpu cpuacct memory pids devices systemd unified"
for controller in $controllers; do
  mkdir -p "/sys/fs/cgroup/$controller/$name"
  echo $$ > "/sys/fs/cgroup/$controller/$name/cgroup.procs"
done
# By default, the scheduler gives a cgroup the share of one process; use the share of twenty students.
echo 20480 > "/sys/fs/cgroup/cpu/$name/cpu.shares"
inside() {
  set -eu
  mount --make-rprivate /
  mount -t proc proc /proc
  ip link set lo up
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  for controller in $controllers; do
    mkdir "/sys/fs/cgroup/$controller"
    case $controller in
      systemd) mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd ;;
      unified) mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified ;;
      *) mount -t cgroup -o $controller cgroup "/sys/fs/cgroup/$controller" ;;
    esac
  done
  mount -t tmpfs -o mode=755 tmpfs /mnt
  i=0
  for path in "$@"; do
    mkdir "/mnt/path$((i += 1))"
    mount --bind "$path" "/mnt/path$i"
  done
  for path in /etc /var; do
    mkdir -p "/mnt/upper$path" "/mnt/work$path"
    mount -t overlay -o "lowerdir=$path,upperdir=/mnt/upper$path,workdir=/mnt/work$path" overlay $path
  done
  for path in /root /home /srv /run; do mount -t tmpfs -o mode=755 tmpfs $path; done
  mount -t tmpfs -o mode=1777 tmpfs /tmp
  i=0
  for path in "$@"; do
    mkdir -p "$path"
    mount --move "/mnt/path$((i += 1))" "$path"
  done
  hostname classroom
  # Load only the units that a service needs. The system's own units would change settings of the host's kernel.
  units=/mnt/units
  mkdir $units
  for target in sysinit basic shutdown; do
    printf '[Unit]\nDefaultDependencies=no\n' > $units/$target.target
  done
  cp /lib/systemd/system/systemd-journald{.service,.socket,-dev-log.socket} $units
  mkdir $units/basic.target.wants
  ln -s ../systemd-journald.service $units/basic.target.wants
  mkdir -p /etc/systemd/journald.conf.d
  printf '[Journal]\nReadKMsg=no\nStorage=volatile\n' > /etc/systemd/journald.conf.d/quiet.conf
  exec env -i container=other SYSTEMD_UNIT_PATH=$units:/run/systemd/transient PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=basic.target --log-target=console --show-status=no
}
export -f inside
exec unshare --mount --pid --cgroup --ipc --uts --net --fork --kill-child bash -c 'inside "$@"' inside "$@"
