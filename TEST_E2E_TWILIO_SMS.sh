#!/usr/bin/env bash
# Sends one SMS and follows it to the log. Against a server without configuration (npm start) it needs nothing; against a real account,
# BASE_URL, JWT_SECRET or TOKEN, and TO=+33…: a number that you may write to. Needs bash and curl; deploy/e2e.sh says the rest.
. "$(dirname "$0")/deploy/e2e.sh"

begin TEST_E2E_TWILIO_SMS
route_answers /webhooks/twilio-sms/status-check
recipient +33639980003
send "{\"channel\":\"sms\",\"to\":$(json "$TO"),\"text\":\"Pipe Comms: test of $(date -u +%FT%TZ)\"}" '^(SM|MM)[0-9a-f]{32}$'
status_webhook_handled
event_in_the_log
event_persisted
end
