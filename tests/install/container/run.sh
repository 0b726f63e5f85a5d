#!/usr/bin/env bash
# Run the commands of the Dockerfile in a minimal Debian in a folder, then some tests.
#
# Needs root, debootstrap, 4 GB of memory, and, to emulate another processor, qemu-user-static. ARCH is amd64 or arm64.
# The mirror, proxy, certificates, and pip settings of this machine are used.
set -euo pipefail
cd "$(dirname "$0")/../../.."
# shellcheck source=tests/install/debian/chroot.sh
source tests/install/debian/chroot.sh
arch=${ARCH:-$(dpkg --print-architecture)}
epochs=${EPOCHS:-3}
suite=$(sed -n 's/^FROM debian:\([a-z]*\).*/\1/p' Dockerfile)
root=$PWD/build/container/$arch
binfmt=/proc/sys/fs/binfmt_misc

own_mounts

say() { echo "$(date +%T) $arch: $*"; }

emulator=qemu-$(sed 's/arm64/aarch64/; s/amd64/x86_64/' <<< "$arch")
if [ "$arch" != "$(dpkg --print-architecture)" ]; then
  [ -e $binfmt/register ] || mount -t binfmt_misc none $binfmt
  if [ ! -e "$binfmt/$emulator" ]; then
    rule=/usr/lib/binfmt.d/$emulator.conf
    [ -e "$rule" ] || { echo "There is no emulator for $arch; run \`apt install qemu-user-static\`." >&2; exit 1; }
    cat "$rule" > $binfmt/register
    trap 'echo -1 > "$binfmt/$emulator"' EXIT
  fi
fi

say "debootstrap $suite"
install_debian

say "tools/install/container.sh"
fetch as_root container.sh

say "make .venv/installed"
copy_checkout
as_student make .venv/installed

say "import"
as_student .venv/bin/python -c 'import platform, d2l_helpers, mxnet, numpy
print("Python", platform.python_version(), "on", platform.machine(), "MXNet", mxnet.__version__, "NumPy", numpy.__version__)'

say "$epochs epochs on the host and in the container"
"${VENV:-.venv}/bin/python" tests/install/container/few_epochs.py "$epochs" > "$root.host"
as_student .venv/bin/python tests/install/container/few_epochs.py "$epochs" > "$root.container"
"${VENV:-.venv}/bin/python" tests/install/container/compare.py "$root.host" "$root.container"

say "unit tests of the model and of training"
as_student .venv/bin/python -m pytest -q tests/helpers/test_model.py tests/helpers/test_train_step.py
say "passed"
