#!/bin/bash
# machine.sh NAME PATH...: a machine in this machine, with systemd as its first process, until this program is ended.
# Namespaces of its own (processes, mounts, cgroups, network) and a copy of /etc and /var in memory: users, services and
# limits are real, and nothing of them is left when it ends. PATHs are seen in it although they are in /root or /tmp.
# For root, where cgroups are of version 1.
set -eu
name=$1; shift
controllers="cpu cpuacct memory pids devices systemd unified"
for controller in $controllers; do
  mkdir -p "/sys/fs/cgroup/$controller/$name"
  echo $$ > "/sys/fs/cgroup/$controller/$name/cgroup.procs"
done
# A group counts as one process when the processors are shared out; twenty students at work are twenty.
echo 20480 > "/sys/fs/cgroup/cpu/$name/cpu.shares"
inside() {
  set -eu
  mount --make-rprivate /
  mount -t proc proc /proc
  ip link set lo up
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  for controller in cpu cpuacct memory pids devices systemd unified; do
    mkdir "/sys/fs/cgroup/$controller"
    case $controller in
      systemd) mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd ;;
      unified) mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified ;;
      *) mount -t cgroup -o $controller cgroup "/sys/fs/cgroup/$controller" ;;
    esac
  done
  mount -t tmpfs -o mode=755 tmpfs /mnt
  kept=0
  for path in "$@"; do
    mkdir "/mnt/kept$((kept += 1))"
    mount --bind "$path" "/mnt/kept$kept"
  done
  for path in /etc /var; do
    mkdir -p "/mnt/upper$path" "/mnt/work$path"
    mount -t overlay -o "lowerdir=$path,upperdir=/mnt/upper$path,workdir=/mnt/work$path" overlay $path
  done
  for path in /root /home /srv /run; do mount -t tmpfs -o mode=755 tmpfs $path; done
  mount -t tmpfs -o mode=1777 tmpfs /tmp
  kept=0
  for path in "$@"; do
    mkdir -p "$path"
    mount --move "/mnt/kept$((kept += 1))" "$path"
  done
  hostname classroom
  # No more units than a service needs: those of the system would change the kernel's settings, for all.
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
