#!/usr/bin/env bash
# Installs the Debian servers that tests start, where they are missing. Tests that need one skip without it, except when CI=true.
set -euo pipefail

# "binary:package", with more packages after commas.
SERVERS="nginx:nginx openssl:openssl postfix:postfix saslpasswd2:sasl2-bin,libsasl2-modules /usr/lib/postgresql/15/bin/postgres:postgresql"

missing=""
for server in $SERVERS; do
  PATH="$PATH:/usr/sbin" command -v "${server%%:*}" > /dev/null || missing="$missing $(tr , ' ' <<< "${server#*:}")"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
  echo "Not installed, for this is not root on Debian:$missing" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# RUNLEVEL=1: installed, not started; the tests start their own.
# shellcheck disable=SC2086
RUNLEVEL=1 apt-get install -qq -y --no-install-recommends $missing > /dev/null
