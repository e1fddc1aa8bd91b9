#!/usr/bin/env bash
# Installs the servers that tests start themselves, where they are missing and this machine lets us. Pairs of program and Debian package.
set -euo pipefail

SERVERS="/usr/lib/postgresql/15/bin/postgres:postgresql"

missing=()
for server in $SERVERS; do
  [ -x "${server%%:*}" ] || command -v "${server%%:*}" >/dev/null || missing+=("${server##*:}")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "Not installed, and only root can with apt-get: ${missing[*]}" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
# No cluster of the system's own: each test run makes a temporary one.
mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
