#!/bin/sh
# What the container has from Debian, its user, and a folder for the project. Run by root; `make` does the rest, as
# that user. NB_USER and NB_UID are what Binder calls them.
set -eu
user=${NB_USER:-student}
apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
  ca-certificates git libgfortran5 libgomp1 make python3 python3-venv
rm -rf /var/lib/apt/lists/*
useradd --create-home --shell /bin/bash --uid "${NB_UID:-1000}" "$user"
install -d -o "$user" -g "$user" "/home/$user/deep-rnn"
