#!/usr/bin/env bash
# Sends one mail, follows it to the log and looks for it in the mailbox. Against a server without configuration (npm start) it needs
# nothing; against a real relay, BASE_URL, JWT_SECRET or TOKEN, TO: a mailbox that you can open, and SMTP_FROM: the sender that it should
# show. Nobody but you can look into that mailbox, so it asks; without a terminal that counts as not received.
# Needs bash and curl; deploy/e2e.sh says the rest.
. "$(dirname "$0")/deploy/e2e.sh"

begin TEST_E2E_SMTP_EMAIL
route_answers /healthz
SIMULATED=$INBOX_URL
SENDER=${SMTP_FROM:-${INBOX_URL:+sales@example.com}}
[ -n "$SENDER" ] || stop 'SMTP_FROM: expected the sender that the mail should show'
recipient camille@example.org
SUBJECT="Pipe Comms: test of $(date -u +%FT%TZ), $$"

send "{\"channel\":\"email\",\"to\":$(json "$TO"),\"subject\":$(json "$SUBJECT"),\"text\":\"It arrived.\"}" '^[^@ ]+@[^@ ]+$'
MAIL=''
if [ -n "$INBOX_URL" ]; then
  NUMBER=$(curl -sS "$INBOX_URL/messages" | tr '{' '\n' | grep -F "\"messageId\":\"<$PROVIDER_ID>\"" | sed -n 's/^"number":\([0-9]*\),.*/\1/p')
  [ -z "$NUMBER" ] || MAIL=$(curl -sS "$INBOX_URL/messages/$NUMBER" | tr -d '\r')
  FOUND="$INBOX_URL/messages/$NUMBER"
elif [ -n "$PROVIDER_ID" ] && [ -t 0 ]; then
  read -r -p "Is \"$SUBJECT\" in the mailbox of $TO, from $SENDER? [y/N] " ANSWERED
  case $ANSWERED in [yYoO]*) MAIL="From: $SENDER" ;; esac
  FOUND="seen in the mailbox of $TO"
fi
FROM=$(printf '%s\n' "$MAIL" | sed -n '/^From:/{p;q;}')
case $FROM in *"$SENDER"*) ok From "$SENDER" ;; *) not_ok From "expected $SENDER, got ${FROM:-no mail}" ;; esac
if [ -n "$MAIL" ]; then ok received "$FOUND"; else not_ok received "not seen in the mailbox of $TO"; fi

event_in_the_log
event_persisted
end
