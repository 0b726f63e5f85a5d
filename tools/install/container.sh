#!/bin/sh
# What the container has from Debian, its user, and a folder for the project. Run by root; `make` does the rest, as
# that user. NB_USER and NB_UID are Binder's names for them. Arguments are further packages.
set -eu
user=${NB_USER:-student}
apt-get update
# MXNet needs it on Intel and AMD, libgfortran5 depends on it only until Debian 12, and ARM has no such package.
libquadmath=$(apt-cache --names-only search '^libquadmath0$' | cut -d ' ' -f 1)
# shellcheck disable=SC2086 # no argument if there is no such package
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
  ca-certificates git libgfortran5 libgomp1 $libquadmath make python3 python3-venv "$@"
rm -rf /var/lib/apt/lists/*
useradd --create-home --shell /bin/bash --uid "${NB_UID:-1000}" "$user"
install -d -o "$user" -g "$user" "/home/$user/deep-rnn"
