#!/bin/sh
# Install the container's Debian packages, and create its user and a folder for the project. Root runs this script; the
# user then runs `make`. Binder sets NB_USER and NB_UID. The arguments are names of additional packages.
set -eu
user=${NB_USER:-student}
apt-get update
# MXNet needs libquadmath0 on x86_64, and since Debian 13 libgfortran5 does not depend on it. ARM has no such package.
libquadmath=$(apt-cache --names-only search '^libquadmath0$' | cut -d ' ' -f 1)
# shellcheck disable=SC2086 # no argument if there is no such package
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
  ca-certificates git libgfortran5 libgomp1 $libquadmath make python3 python3-venv "$@"
rm -rf /var/lib/apt/lists/*
useradd --create-home --shell /bin/bash --uid "${NB_UID:-1000}" "$user"
install -d -o "$user" -g "$user" "/home/$user/deep-rnn"
