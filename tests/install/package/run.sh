#!/usr/bin/env bash
# Install the package into empty environments: the wheel, `pip install .`, and a folder of wheels in a network namespace
# without a network. `make test-install` runs this script. PYTHON is the Python to test.
set -euo pipefail
cd "$(dirname "$0")/../../.."
python=${PYTHON:-python3.11}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { echo "$(date +%T) $("$python" -V): $*"; }

# Install with pip, run the command that the import error gives, and train outside of the checkout.
check_install() {
  "$python" -m venv --clear "$work/venv"
  "$work/venv/bin/pip" install -q "$1"
  mkdir -p "$work/empty" && cd "$work/empty"
  if ! message=$("$work"/venv/bin/python -c 'import d2l_helpers' 2>&1); then
    # shellcheck disable=SC2016 # backticks of the message
    command=$(tail -n 1 <<< "$message" | sed -n 's/^ImportError: MXNet is not installed.*`pip \(.*\)`\.$/\1/p')
    [ -n "$command" ] || { echo "$message"; return 1; }
    say "the import error gives: pip $command"
    # shellcheck disable=SC2086 # several arguments
    "$work"/venv/bin/pip $command -q
  fi
  "$work"/venv/bin/python - < "$OLDPWD/tests/install/package/three_epochs.py"
  cd "$OLDPWD"
}

say "source distribution and wheel"
mkdir "$work/source"
cp -r d2l_helpers pyproject.toml MANIFEST.in README.md LICENSE NOTICE "$work/source"
"$python" -m venv "$work/build-venv"
"$work/build-venv/bin/pip" install -q build
"$work/build-venv/bin/python" -m build --outdir "$work/dist" "$work/source" > "$work/build.log" 2>&1
if tar -tf "$work"/dist/*.tar.gz | grep /tests/; then
  echo "The source distribution contains tests, which need the checkout."
  exit 1
fi

say "the wheel in an empty environment"
check_install "$(echo "$work"/dist/*.whl)"
say "pip install ."
check_install .

say "make wheels"
make -s wheels DIR="$work/wheels" ENVIRONMENTS=base PYTHON="$python"
say "make run WHEELS=... without a network"
unshare --net --map-root-user make -s run EPOCHS=1 PERIOD=1 WHEELS="$work/wheels" VENV="$work/.venv" PYTHON="$python" |
  tail -n 1
say "passed"
