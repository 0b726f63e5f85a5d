#!/usr/bin/env bash
# Run `make test` on the Pythons of a newer Debian: by default, on the default Python and the newest other Python of
# Debian testing. Variables: SUITE=forky, PYTHON=python3 or python3.15, TESTS for pytest.
#
# Needs root, debootstrap, and 6 GB of memory. The exit status is 75 if Debian cannot be fetched.
set -euo pipefail
cd "$(dirname "$0")/../../.."
# shellcheck source=tests/install/debian/chroot.sh
source tests/install/debian/chroot.sh
suite=${SUITE:-testing}
tests=${TESTS:-tests notebooks/time-machine.ipynb notebooks/deep-rnn-scratch.ipynb notebooks/modern-d2l.ipynb}
root=$PWD/build/debian/$suite
cache=$PWD/build/debian/uv
own_mounts

# step NAME: print the seconds of the previous step and the name of the next one.
step() {
  [ -z "${name:-}" ] || echo "$name: $((SECONDS - start)) seconds"
  name=$1 start=$SECONDS
  [ -z "$name" ] || echo "$name ..."
}

step "debootstrap $suite"
install_debian

step "Debian's packages"
fetch as_root apt-get update
default=$(as_root apt-cache depends --important python3 | grep -oE 'python3\.[0-9]+' | head -n 1)
mapfile -t others < <(as_root apt-cache --names-only search '^python3\.[0-9]+-venv$' |
  grep -oE '^python3\.[0-9]+' | grep -vx "$default" | sort -rV)
case ${PYTHON:-} in
  '') pythons=("$default" "${others[@]:0:1}") ;;
  python3 | */python3 | "$default" | */"$default") pythons=("$default") ;;
  *)
    pythons=("${PYTHON##*/}")
    printf '%s\n' "${others[@]}" | grep -qx "${PYTHON##*/}" ||
      stop 1 "PYTHON must be one of Debian $suite, $default ${others[*]}, got $PYTHON; for example, PYTHON=$default."
    ;;
esac
fetch as_root container.sh "${pythons[@]/%/-venv}"

step "copy of the checkout"
copy_checkout
# Keep uv's cache between runs, so each wheel is downloaded once.
mkdir -p "$cache" "$root/home/student/.cache/uv"
mount --bind "$cache" "$root/home/student/.cache/uv"
as_root chown -R student:student /home/student/.cache

newest=$(sed -nE 's/^OLDEST, NEWEST = .*\(3, ([0-9]+)\) .*/\1/p' tools/install/check_platform.py)
status=0
results=()
for python in "${pythons[@]}"; do
  version=$(as_student "/usr/bin/$python" -V)
  step "make test on $version"
  log=$root-$python.log
  as_student make test PYTHON="/usr/bin/$python" VENV=".venv-${python#python}" TESTS="$tests" 2>&1 | tee "$log" || {
    # A Python that is newer than the newest supported one, such as next year's, must not break continuous integration.
    if [ "${python#python3.}" -le "$newest" ]; then status=1; fi
    cat "$root/home/student/deep-rnn/build/setup-${python#python}.log" >> "$log" || true # otherwise lost with the tmpfs
  }
  summary=$(grep -E '(passed|failed|error|skipped|no tests ran).* in [0-9.]+s' "$log" | tail -n 1 | sed 's/^=* *//; s/ *=*$//' || :)
  results+=("Debian $suite, $version: ${summary:-pytest did not run}; $((SECONDS - start)) seconds including the setup")
done
step ''
printf '%s\n' "${results[@]}"
exit $status
