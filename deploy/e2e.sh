# What the TEST_E2E_*.sh share; they source it. Needs bash and curl, and node only where a token is made from JWT_SECRET.
#
#   BASE_URL      where the server answers     default: the server on this machine that runs without configuration (npm start)
#   TOKEN         a JWT for its API            default: made from JWT_SECRET; for a server without configuration, the one it wrote down
#   JWT_SECRET    that of the server
#   TO            who gets the message         needed with a real account
#   WAIT_SECONDS  how long to wait for each    default: 30
#   MESSAGE_EVENT_LOGS_DIR                     default: logs/message_events; where the day files are, when they are on this machine
set -uo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LOGS_DIR=${MESSAGE_EVENT_LOGS_DIR:-$ROOT/logs/message_events}
WAIT_SECONDS=${WAIT_SECONDS:-30}
MET=0
CRITERIA=0

# A server without configuration says in this file, which only its user can read, how to reach it.
sandbox() { sed -n "s/^$1=//p" "$LOGS_DIR/sandbox.env" 2>/dev/null; }

stop() {
  printf '%s\n' "$1" >&2
  exit 2
}

# begin TITLE: finds the server and the token.
begin() {
  local found
  found=$(sandbox BASE_URL)
  BASE_URL=${BASE_URL:-$found}
  [ -n "$BASE_URL" ] || stop "BASE_URL: expected the URL of the server. There is none in $LOGS_DIR/sandbox.env: is npm start running?"
  BASE_URL=${BASE_URL%/}
  INBOX_URL=''
  if [ "$BASE_URL" = "$found" ]; then
    INBOX_URL=$(sandbox INBOX_URL)
    [ -n "${TOKEN:-}${JWT_SECRET:-}" ] || TOKEN=$(sandbox TOKEN)
  fi
  [ -n "${TOKEN:-}" ] || TOKEN=$(token_of_secret)
  [ -n "$TOKEN" ] || stop 'TOKEN or JWT_SECRET: expected one of them, to call the API with'
  printf '%s against %s\n' "$1" "$BASE_URL"
}

# The secret goes through the environment: arguments of a process can be seen by all users of the machine.
token_of_secret() {
  [ -n "${JWT_SECRET:-}" ] || return 0
  local node="$ROOT/node_modules/.bin/node"
  [ -x "$node" ] || node=$(command -v node) || stop 'JWT_SECRET: expected node, to make a token with; or set TOKEN'
  JWT_SECRET=$JWT_SECRET "$node" -e '
    const part = (json) => Buffer.from(JSON.stringify(json)).toString("base64url")
    const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub: "e2e", exp: Math.floor(Date.now() / 1000) + 900 })}`
    console.log(`${signed}.${require("node:crypto").createHmac("sha256", process.env.JWT_SECRET).update(signed).digest("base64url")}`)'
}

# call METHOD PATH [curl arguments]: the answer is in STATUS and ANSWER. The token goes through standard input, for the same reason.
call() {
  local method=$1 path=$2 all
  shift 2
  all=$(printf 'header = "Authorization: Bearer %s"\n' "$TOKEN" |
    curl -sS -K - --max-time 60 -X "$method" "$BASE_URL$path" -w '\n%{http_code}' "$@" 2>&1)
  STATUS=${all##*$'\n'}
  ANSWER=${all%$'\n'*}
}

# field NAME: the text of this name in ANSWER, where it stands first.
field() { printf '%s' "$ANSWER" | grep -o "\"$1\":\"[^\"]*\"" | sed -n "1s/^\"$1\":\"\(.*\)\"$/\1/p"; }

ok() {
  CRITERIA=$((CRITERIA + 1))
  MET=$((MET + 1))
  printf 'ok      %s: %s\n' "$1" "$2"
}
not_ok() {
  CRITERIA=$((CRITERIA + 1))
  printf 'not ok  %s: %s\n' "$1" "${2:0:400}"
}

# end: how many criteria are met, and the exit code.
end() {
  printf '%s of %s criteria met\n' "$MET" "$CRITERIA"
  [ "$MET" -eq "$CRITERIA" ]
  exit
}

json() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# route_answers PATH: also finds out in SIMULATED whether the provider is a simulated one.
route_answers() {
  call GET "$1"
  SIMULATED=$(printf '%s' "$ANSWER" | grep -o '"simulated":true')
  if [ "$STATUS" = 200 ]; then ok 'route answers 200' "GET $1"; else not_ok 'route answers 200' "GET $1: $STATUS $ANSWER"; fi
}

# recipient DEFAULT: whom the message goes to; the default is nobody's number, for simulated providers alone.
recipient() {
  [ -n "$SIMULATED" ] && TO=${TO:-$1}
  [ -n "${TO:-}" ] || stop 'TO: expected the recipient of the message, for it goes out through a real account'
}

# send BODY PATTERN: the message, and what its id looks like at the provider.
send() {
  call POST "/api/messages?wait=sent&timeout=$((WAIT_SECONDS < 55 ? WAIT_SECONDS : 55))" -H 'Content-Type: application/json' --data-binary "$1"
  MESSAGE_ID=$(field messageId)
  PROVIDER_ID=$(field providerMessageId)
  local criterion="message sent with the provider's id"
  if [ "$STATUS" = 200 ] && printf '%s' "$PROVIDER_ID" | grep -Eq "$2"; then
    ok "$criterion" "$PROVIDER_ID ($MESSAGE_ID)"
  else
    not_ok "$criterion" "POST /api/messages: $STATUS $ANSWER"
  fi
}

report() {
  STATUS=000
  ANSWER='no message was taken'
  [ -z "$MESSAGE_ID" ] || call GET "/api/messages/$MESSAGE_ID"
}

# What the provider told of the message by itself.
status_webhook_handled() {
  local until=$((SECONDS + WAIT_SECONDS))
  [ -n "$PROVIDER_ID" ] || until=0
  while report; do
    if printf '%s' "$ANSWER" | grep -q '"via":"webhook"'; then
      ok 'status webhook handled' "status $(field status)"
      return
    fi
    [ "$SECONDS" -lt "$until" ] || break
    sleep 0.5
  done
  not_ok 'status webhook handled' "none came${PROVIDER_ID:+ within $WAIT_SECONDS s}: $STATUS $ANSWER"
}

event_in_the_log() {
  report
  if [ "$STATUS" = 200 ] && [ -n "$PROVIDER_ID" ] && printf '%s' "$ANSWER" | grep -q '"type":"message.sent"'; then
    ok 'event in the log' "message.sent of $MESSAGE_ID"
  else
    not_ok 'event in the log' "no message.sent: $STATUS $ANSWER"
  fi
  EVENT_IDS=$(printf '%s' "$ANSWER" | grep -o 'evt_[0-9a-f-]*' | sort -u)
  POSITION=$(field position)
}

# In the day files, where they are on this machine; elsewhere, in what the server reads back from its store.
event_persisted() {
  local id read_back='' missing='' where="$LOGS_DIR"
  for id in $EVENT_IDS; do
    grep -qF "\"$id\"" "$LOGS_DIR"/message_events_*.jsonl 2>/dev/null && continue
    if [ -z "$read_back" ]; then
      where='GET /api/events'
      call GET /api/events -G --data-urlencode "after=$POSITION" -d limit=1000
      # `after` leaves out the request itself, whose position that is; ids sort by age.
      read_back="$ANSWER \"${EVENT_IDS%%[[:space:]]*}\""
    fi
    case $read_back in *"\"$id\""*) ;; *) missing="$missing $id" ;; esac
  done
  if [ -n "$EVENT_IDS" ] && [ -z "$missing" ]; then
    ok 'event persisted' "$(printf '%s\n' "$EVENT_IDS" | wc -l | tr -d ' ') events, $where"
  else
    not_ok 'event persisted' "missing in $where:${missing:- all}"
  fi
}
