#!/usr/bin/env bash
# Sends one WhatsApp message and follows it to the log. Against a server without configuration (npm start) it needs nothing; against a real
# instance, BASE_URL, JWT_SECRET or TOKEN, and TO=+33…: a number that you may write to. Needs bash and curl; deploy/e2e.sh says the rest.
. "$(dirname "$0")/deploy/e2e.sh"

begin TEST_E2E_GREENAPI_WHATSAPP
route_answers /webhooks/greenapi/status
recipient +33639980002
send "{\"channel\":\"whatsapp\",\"to\":$(json "$TO"),\"text\":\"Pipe Comms: test of $(date -u +%FT%TZ)\"}" '^[0-9A-Za-z]+$'
status_webhook_handled
event_in_the_log
event_persisted
end
