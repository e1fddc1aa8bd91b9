#!/usr/bin/env bash
# Installs, as root on Debian, the servers that tests start and that are not there yet. Each is <program>:<package>.
set -euo pipefail
SERVERS="nginx:nginx openssl:openssl"

PATH="$PATH:/usr/sbin:/sbin"
missing=()
for server in $SERVERS; do
  command -v "${server%%:*}" >/dev/null || missing+=("${server#*:}")
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Not installed, for that takes root on Debian: ${missing[*]}" >&2
  exit 0
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
