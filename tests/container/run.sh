#!/usr/bin/env bash
# What `docker build` would do with the Dockerfile, in a bare Debian in a folder, and then some tests in there.
#
# Needs root, debootstrap, 4 GB of memory and, for the processor of another kind, qemu-user-static. ARCH is Debian's name of the
# processor, amd64 or arm64. Mirror, proxy, certificates and pip's settings are those of this machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
arch=${ARCH:-$(dpkg --print-architecture)}
epochs=${EPOCHS:-3}
suite=$(sed -n 's/^FROM debian:\([a-z]*\).*/\1/p' Dockerfile)
root=$PWD/build/container/$arch
binfmt=/proc/sys/fs/binfmt_misc

[ "$(id -u)" = 0 ] || { echo "make test-container needs root, for chroot: run it with sudo." >&2; exit 1; }
command -v debootstrap > /dev/null || { echo "debootstrap is missing: run \`apt install debootstrap\`." >&2; exit 1; }
# In a namespace of its own every mount ends with this script, whatever ends it.
[ "${OWN_MOUNTS:-}" ] || OWN_MOUNTS=yes exec unshare --mount "$0"

say() { echo "$(date +%T) $arch: $*"; }

emulator=qemu-$(sed 's/arm64/aarch64/; s/amd64/x86_64/' <<< "$arch")
if [ "$arch" != "$(dpkg --print-architecture)" ]; then
  [ -e $binfmt/register ] || mount -t binfmt_misc none $binfmt
  if [ ! -e "$binfmt/$emulator" ]; then
    rule=/usr/lib/binfmt.d/$emulator.conf
    [ -e "$rule" ] || { echo "There is no emulator for $arch: run \`apt install qemu-user-static\`." >&2; exit 1; }
    cat "$rule" > $binfmt/register
    trap 'echo -1 > "$binfmt/$emulator"' EXIT
  fi
fi

say "debootstrap $suite"
mkdir -p "$root"
mount -t tmpfs -o size=8g,mode=755 tmpfs "$root" # dpkg would wait for a disk ten thousand times
mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(SITE)' 'Created-By: Packages' |
  awk -v suite="$suite" '$1 == suite && $2 == "main" {print $3; exit}')
debootstrap --arch="$arch" --variant=minbase "$suite" "$root" ${mirror:+"$mirror"} > "$root.log"
apt-config dump | grep '^Acquire::' > "$root/etc/apt/apt.conf.d/99this-machine"
cp /etc/resolv.conf "$root/etc/resolv.conf"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"

say "install/container.sh"
cp install/container.sh "$root/usr/local/bin/"
chroot "$root" env -i PATH="$PATH" container.sh >> "$root.log"

for path in /etc/pip.conf /etc/xdg/pip /etc/ssl/certs/ca-certificates.crt; do
  [ -e $path ] || continue
  if [ -d $path ]; then mkdir -p "$root$path"; else touch "$root$path"; fi
  mount --bind $path "$root$path"
done
mapfile -t settings < <(env | grep -E '^(PIP_|SSL_CERT_|REQUESTS_CA_|https?_proxy|no_proxy|OMP_)' | grep -v ^PIP_FIND_LINKS)
as_student() {
  chroot --userspec=student:student "$root" env -i HOME=/home/student PATH=/usr/local/bin:/usr/bin:/bin \
    "${settings[@]}" sh -ec 'cd /home/student/deep-rnn; exec "$@"' - "$@"
}

say "make .venv/installed"
git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --create |
  tar --extract --directory="$root/home/student/deep-rnn" --owner=student
chroot "$root" chown -R student:student /home/student/deep-rnn
as_student make .venv/installed

say "import"
as_student .venv/bin/python -c 'import platform, d2l_helpers, mxnet, numpy
print("Python", platform.python_version(), "on", platform.machine(), "MXNet", mxnet.__version__, "NumPy", numpy.__version__)'

say "$epochs epochs here and there"
"${VENV:-.venv}/bin/python" tests/container/few_epochs.py "$epochs" > "$root.here"
as_student .venv/bin/python tests/container/few_epochs.py "$epochs" > "$root.there"
"${VENV:-.venv}/bin/python" tests/container/compare.py "$root.here" "$root.there"

say "unit tests of the model and of training"
as_student .venv/bin/python -m pytest -q tests/test_model.py tests/test_train.py
say "passed"
