# shellcheck shell=bash disable=SC2016,SC2154
# A minimal Debian in a directory, with this machine's mirror, proxy, certificates, and settings for pip and uv.
# tests/install/container/run.sh and tests/install/debian/run.sh source this file. They set $suite, $root and, for
# another processor, $arch.

# EX_TEMPFAIL in sysexits.h: Debian is unreachable, so nothing was tested. .ci/run relies on this status.
UNREACHABLE=75

# stop STATUS SENTENCE
stop() { echo "$2" >&2; exit "$1"; }

# Stop without root or the tools. Then restart the script in its own mount namespace: the mounts end with it.
own_mounts() {
  [ "$(id -u)" = 0 ] || stop 1 "$0 needs root for chroot; run it with sudo."
  command -v unshare > /dev/null || stop 1 "unshare is missing; run \`apt install util-linux\`."
  command -v debootstrap > /dev/null || stop $UNREACHABLE "debootstrap is missing; run \`apt install debootstrap\`."
  [ "${OWN_MOUNTS:-}" ] || OWN_MOUNTS=yes exec unshare --mount "$0"
}

is_reachable() { http_proxy=$proxy wget --quiet --spider --tries=2 --timeout=20 "$mirror/dists/$suite/InRelease"; }

stop_unreachable() {
  stop $UNREACHABLE "Debian $suite could not be fetched from $mirror; check the network and the name of the suite."
}

# fetch COMMAND...: run it with its output in a log. If it fails, the mirror may have become unreachable.
fetch() {
  "$@" >> "$root.log" 2>&1 && return
  is_reachable || stop_unreachable
  tail -n 20 "$root.log" >&2
  stop 1 "\`$*\` failed; the end of its log is above."
}

# Install a minimal $suite in a tmpfs on $root. On a disk, dpkg waits for thousands of writes.
install_debian() {
  local script=/usr/share/debootstrap/scripts/sid certificates=/etc/ssl/certs/ca-certificates.crt apt_proxy=
  mirror=$(apt-get indextargets --format '$(LABEL)|$(COMPONENT)|$(SITE)' 'Created-By: Packages' |
    awk -F'|' '$1 == "Debian" && $2 == "main" && $3 ~ /^https?:/ {print $3; exit}')
  : "${mirror:=$(sed -n 's/^DEF_MIRROR="\(.*\)"$/\1/p' "$(command -v debootstrap)")}"
  # debootstrap and wget use the proxy from the environment, not from the settings of apt.
  eval "$(apt-config shell apt_proxy Acquire::http::Proxy)"
  if [ "${apt_proxy:-DIRECT}" = DIRECT ]; then proxy=${http_proxy:-}; else proxy=$apt_proxy; fi
  # Paths of local wheels and caches do not exist in the new root.
  mapfile -t settings < <(env |
    grep -iE '^(PIP_|UV_|SSL_CERT_|REQUESTS_CA_|https?_proxy=|no_proxy=|OMP_)' |
    grep -vE '^(PIP|UV)_(FIND_LINKS|CACHE_DIR)=')

  mkdir -p "$root"
  : > "$root.log"
  is_reachable || stop_unreachable
  mount -t tmpfs -o size=12g,mode=755 tmpfs "$root"
  # An older debootstrap may not know the suite; every recent suite is installed like sid.
  [ ! -e "${script%/*}/$suite" ] || script=${script%/*}/$suite
  http_proxy=$proxy fetch debootstrap ${arch:+--arch="$arch"} --variant=minbase "$suite" "$root" "$mirror" "$script"

  apt-config dump | grep '^Acquire::' > "$root/etc/apt/apt.conf.d/99this-machine"
  if [ -e $certificates ]; then # for a mirror over https, until ca-certificates is installed
    cp $certificates "$root/etc/apt/mirror.crt"
    echo 'Acquire::https::CAInfo "/etc/apt/mirror.crt";' >> "$root/etc/apt/apt.conf.d/99this-machine"
  fi
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  mount --rbind /dev "$root/dev"
  mount -t proc proc "$root/proc"
  mount -t sysfs -o ro sysfs "$root/sys"
  cp tools/install/container.sh "$root/usr/local/bin/"
}

# as_root COMMAND...
as_root() { chroot "$root" env -i PATH="$PATH" "${settings[@]}" "$@"; }

# After tools/install/container.sh: bind this machine's certificates and settings, and copy the checkout to student's home.
copy_checkout() {
  local path
  for path in /etc/pip.conf /etc/xdg/pip /etc/uv /etc/ssl/certs/ca-certificates.crt; do
    [ -e $path ] || continue
    if [ -d $path ]; then mkdir -p "$root$path"; else touch "$root$path"; fi
    mount --bind $path "$root$path"
  done
  git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --create |
    tar --extract --directory="$root/home/student/deep-rnn"
  as_root chown -R student:student /home/student/deep-rnn
}

# as_student COMMAND...: run it in the copy of the checkout.
as_student() {
  chroot --userspec=student:student "$root" env -i HOME=/home/student PATH=/usr/local/bin:/usr/bin:/bin \
    "${settings[@]}" sh -ec 'cd /home/student/deep-rnn; exec "$@"' - "$@"
}
