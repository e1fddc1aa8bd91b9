import type { Row } from './row.ts'

/** The promises about faults that others found, in the order of their harm. */
export const rows: readonly Row[] = [
  {
    row: '1',
    says: 'A spool has one owner; what a dead one left is named at the start and recorded once',
    proof: {
      'packages/store-json/src/file-spool.test.ts': ['file spools that share a folder', 'what is left in a spool'],
      'packages/store-json/src/file-spool-crash.test.ts': [
        'a spool that is killed at any step of putting loses nothing that it took',
        'of several processes that find one dead folder at the same time, exactly one drains it',
      ],
      'examples/webhook-server/src/spool-leftovers.int.test.ts': [
        'webhooks that wait in the spool are named at the start and recorded when the persistence is switched to json',
      ],
      'scripts/crash-test/two-servers.test.ts': ['two servers with one database and one folder lose and double nothing'],
    },
  },
  {
    row: '2',
    says: 'A body that was read before us is refused with a 4xx and its reason; nothing is recorded',
    proof: { 'packages/comms-core/src/transport/lost-body.int.test.ts': ['three webhooks whose bodies the framework has read'] },
  },
  {
    row: '3',
    says: 'No fallback goes to somebody who got the message, however many other sends came between',
    proof: {
      'packages/comms-core/src/outbox/fallback-after-many-sends.test.ts': [
        'a message is not sent again over its fallback',
        'a delivery that came before the provider answered is remembered through 10,200 callbacks about other messages',
        'a fallback waits while the log cannot be read',
      ],
    },
  },
  {
    row: '4',
    says: 'Facts of a message reach message(id), waitFor and every projection, whichever address the provider names',
    proof: {
      'packages/comms-core/src/outbox/message-report.property.test.ts': ['shows every report on a message of ours'],
      'packages/transport-greenapi/src/webhook/report-address.test.ts': [
        'reaches the message, before and after the answer to the send call',
      ],
      'packages/transport-smtp/src/inbound/report-address.test.ts': ['a report of failure that names'],
    },
  },
  {
    row: '5',
    says: 'One poison item never ends a list',
    proof: {
      'packages/comms-core/src/consumers/consumer.test.ts': [
        'is set aside after maxTries, once the report has taken it, and the consumer goes on',
      ],
      'packages/transport-twilio/src/api/recover-inbound.int.test.ts': ['goes on behind a message with'],
      'packages/leads-espocrm/src/tracking/espocrm-tracking.test.ts': [
        'for a lead that was deleted is set aside with its reason, and the rest is written',
      ],
      'packages/transport-smtp/src/inbound/mail-thread.test.ts': ['gives up a mail that takes too long, says why, and reads the next one'],
    },
  },
  {
    row: '6',
    says: 'Two different mails with one Message-ID are two; a repeat is one',
    proof: {
      'packages/transport-smtp/src/inbound/mail-identity.test.ts': [
        'two mails with one Message-ID are two, when they differ in',
        'two deliveries of one mail are one, though they differ in',
      ],
    },
  },
  {
    row: '7',
    says: 'A position or checkpoint of another log is noticed, said once, and the log is read from the beginning',
    proof: {
      'packages/comms-core/src/consumers/consumer-faults.test.ts': ['a checkpoint that is not a place in the log'],
      'packages/comms-core/src/outbox/outbox-feed.test.ts': ['is dropped, said once, and the log is read from its beginning'],
      'packages/store-json/src/log-identity.test.ts': ['the identity of a JSON log'],
      'packages/store-sqlite/src/unreadable.test.ts': ['the identity of a SQLite log'],
    },
  },
  {
    row: '8',
    says: 'A newer event, a damaged line, a future day file and a foreign log are said truthfully and end nothing',
    proof: {
      'packages/store-json/src/damaged-log.test.ts': [
        'reads on past it, finds its key and its place',
        'a day file of another program',
        'a day file of a day to come',
      ],
      'packages/store-sqlite/src/unreadable.test.ts': ['a row that cannot be read'],
      'packages/comms-core/src/consumers/consumer-faults.test.ts': ['an event of a newer release'],
    },
  },
  {
    row: '9',
    says: 'An odd side field never costs the message, at Green-API, Twilio and in mail',
    proof: {
      'packages/comms-core/src/transport/lenient-read.test.ts': ['keeps all required fields whatever is put in the place of optional ones'],
      'packages/transport-greenapi/src/webhook/lenient.test.ts': ['the fact is the same when any part that is not required is odd'],
      'packages/transport-twilio/src/webhook/lenient.test.ts': ['is the same fact when'],
      'packages/transport-smtp/src/inbound/received-mail.test.ts': ['a mail stays a message when one of its other parts is broken'],
    },
  },
  {
    row: '10',
    says: 'What a channel cannot carry is refused before it is recorded',
    proof: {
      'packages/transport-twilio/src/api/whole-content.test.ts': ['goes out whole or is refused'],
      'packages/transport-greenapi/src/api/whole-content.test.ts': ['what is accepted goes out whole, the rest is refused'],
      'packages/transport-smtp/src/api/mail-content.int.test.ts': [
        'has the captions of its files in its text; beside HTML they are refused',
      ],
    },
  },
  {
    row: '11',
    says: 'Only proof opts anybody out of mail',
    proof: {
      'packages/transport-smtp/src/inbound/consent-mail.test.ts': ['a complaint', 'the sender of a mail is authenticated'],
      'packages/transport-smtp/src/consent.int.test.ts': ['a contact is still written to after', 'a contact is not written to after'],
    },
  },
  {
    row: '12',
    says: 'No mail, HTML or answer holds the server',
    proof: {
      'packages/transport-smtp/src/inbound/mail-growth.test.ts': [
        'the time to parse a mail grows no faster than its size',
        'a mail over a limit is refused',
      ],
      'packages/transport-smtp/src/inbound/mail-thread.test.ts': ['leaves the event loop free while it reads'],
      'packages/transport-smtp/src/api/mail-content.int.test.ts': ['goes out without a text, and is judged at once'],
      'examples/webhook-server/src/server.int.test.ts': ['ends a page early when its events are large'],
    },
  },
  {
    row: '13',
    says: 'Files are private, secrets long, tokens short-lived, log lines whole, strangers kept out',
    proof: {
      'packages/store-json/src/private-file.test.ts': ['are all closed to other users', 'are not followed as symbolic links'],
      'packages/store-sqlite/src/private-file.test.ts': ['the files of the SQLite store'],
      'packages/store-supabase/src/misconfigured.test.ts': ['is out of reach of other logins'],
      'examples/webhook-server/src/config.test.ts': [
        'which is none of the known words',
        'which is too easily guessed or fits no header',
        'would cross the internet without encryption',
      ],
      'examples/webhook-server/src/log.test.ts': ['as one line without control characters'],
      'examples/webhook-server/src/server.int.test.ts': ['refuses anything but a JWT of this server', 'is kept in no cache'],
      'packages/comms-core/src/transport/webhook-handler.test.ts': ['is refused before its body is read, and its connection ends'],
      'packages/transport-twilio/src/webhook/form-check.test.ts': ['a form whose signature fits although it is cut elsewhere'],
    },
  },
  {
    row: '14',
    says: 'Options and arguments are checked in JavaScript too, by name',
    proof: {
      'packages/comms-core/src/check-options.test.ts': [
        'createComms refuses, naming the option',
        'comms refuses, naming the argument',
        'the other functions refuse, naming the option',
      ],
    },
  },
  {
    row: '15',
    says: 'A refusal of our account waits for the operator; refusals are classed by code and words',
    proof: {
      'packages/transport-smtp/src/api/account-refusals.test.ts': ['a refusal of our account waits for the operator'],
      'packages/transport-smtp/src/failure-class.test.ts': ['a final refusal is the fault of'],
    },
  },
  {
    row: '16',
    says: 'Numbers as people paste them, plans that grew, privacy ids, one key for every spelling',
    proof: {
      'packages/comms-core/src/events/phone-text.test.ts': [
        'a text with one phone number',
        'a text with several phone numbers',
        'a text without a phone number',
      ],
      'packages/comms-core/src/leads/address-match.test.ts': ['numbering plans'],
      'packages/comms-core/src/events/contact-address.test.ts': ['anyContactAddress'],
      'packages/transport-greenapi/src/webhook/parse.test.ts': [
        'give one key, which is the one that older logs have',
        'of a broadcast list',
      ],
      'packages/leads-espocrm/src/espocrm-directory.int.test.ts': ['finds a number held'],
    },
  },
  {
    row: '17',
    says: 'Bounces in words, automatic replies in all their spellings, plus tags decoded once',
    proof: {
      'packages/transport-smtp/src/inbound/text-bounce.test.ts': ['a bounce in words is a failure of its recipient'],
      'packages/transport-smtp/src/inbound/automatic-mail.test.ts': ['a mail is an automatic reply'],
      'packages/transport-smtp/src/inbound/xtext.test.ts': ['is read as'],
    },
  },
  {
    row: '18',
    says: 'Health tells the truth; npm start closes its server',
    proof: {
      'examples/webhook-server/src/health/health.int.test.ts': ['GET /readyz', 'a mail that cannot be sent is a warning with the cause'],
      'examples/webhook-server/src/env-file.test.ts': ['reads names, values, quotes and comments'],
      'examples/webhook-server/src/server.int.test.ts': ['offers no invented message beside a real account'],
      'packages/comms-core/src/transport/webhook-handler.test.ts': [
        'of no transport is 404, reported, and logged with the paths there are',
      ],
      'scripts/npm-start.test.ts': ['npm start closes its server'],
    },
  },
  {
    row: '19',
    says: 'Databases that are not PostgreSQL are refused, replicas without sync are a warning, missing functions a mistake',
    proof: {
      'packages/store-supabase/src/misconfigured.test.ts': [
        'a server that is not PostgreSQL',
        'a server with replicas',
        'a database that is not set up',
      ],
    },
  },
  {
    row: '20',
    says: 'The conformance kits name every promise that is broken',
    proof: {
      'packages/comms-core/src/conformance/event-store.test.ts': ['the store kit finds planted faults'],
      'packages/comms-core/src/conformance/transport.test.ts': ['the transport kit finds planted faults'],
    },
  },
  {
    row: 'H1',
    says: 'A clock that is stepped makes no message twice',
    proof: {
      'packages/comms-core/src/outbox/clock-jumps.property.test.ts': [
        'a clock that is stepped ten minutes forward while another instance sends makes no message twice',
        'clocks that are stepped at any moment in any direction',
      ],
    },
  },
  {
    row: 'H2',
    says: 'An outbox whose checkpoint is not in the log says so once and sends',
    proof: { 'packages/comms-core/src/outbox/outbox-feed.test.ts': ['a checkpoint that is not of this log', 'a log that cannot be read'] },
  },
  {
    row: 'H3',
    says: 'One bad line stops neither sending nor reading',
    proof: {
      'packages/comms-core/src/outbox/outbox-feed.test.ts': ['an event that this release cannot read'],
      'packages/comms-core/src/consumers/readers-go-on.test.ts': ['readers of a log with events of a newer release'],
    },
  },
  {
    row: 'H5',
    says: 'Webhooks are answered in seconds while the database hangs',
    proof: {
      'scripts/crash-test/outage.test.ts': ['a database that hangs under load has webhooks and sends answered in seconds'],
      'packages/comms-core/src/store/event-cache.test.ts': ['eventCache over a store that hangs'],
    },
  },
  {
    row: 'M6',
    says: 'A contact’s webhooks keep their order through the spool',
    proof: { 'packages/comms-core/src/transport/arrivals.test.ts': ['of one contact are recorded in their order and once'] },
  },
  {
    row: 'M9',
    says: 'A message whose transport is gone expires and is shown',
    proof: { 'packages/comms-core/src/outbox/missing-transports.test.ts': ['a message whose transport is gone'] },
  },
  {
    row: 'M10',
    says: 'Calls that heed no signal are given up, bounded in number',
    proof: {
      'packages/comms-core/src/outbox/calls-that-never-end.test.ts': [
        'a call that heeds no signal is given up',
        'no more calls than four times',
      ],
    },
  },
  {
    row: 'M11',
    says: 'A contact’s messages keep their order behind an unknown outcome',
    proof: { 'packages/comms-core/src/outbox/order-after-unknown-outcome.test.ts': ['messages of a contact'] },
  },
  {
    row: 'M12',
    says: 'One key with two contents is a conflict',
    proof: { 'packages/comms-core/src/outbox/same-request.test.ts': ['a request under a key that was used before'] },
  },
  {
    row: 'M15',
    says: 'Chosen keys do not slow the index',
    proof: { 'packages/store-json/src/key-hash.test.ts': ['KeyHasher'] },
  },
  {
    row: 'L16',
    says: 'Queues are bounded in bytes',
    proof: {
      'packages/comms-core/src/store/event-cache.test.ts': ['refuses what would wait beyond maxPendingBytes'],
      'packages/store-json/src/group-commit.test.ts': ['refuses further appends when too much waits for the disk'],
      'packages/comms-core/src/transport/webhook-handler.test.ts': ['many bodies at once'],
    },
  },
  {
    row: 'L19',
    says: 'Names of new folders are durable',
    proof: { 'packages/store-json/src/new-folders.test.ts': ['the names of new folders are durable'] },
  },
  {
    row: 'L20',
    says: 'Two consumers of one id are noticed; a handler that never settles ends in bounded time',
    proof: { 'packages/comms-core/src/consumers/consumer-faults.test.ts': ['two consumers of one id', 'a handler that never settles'] },
  },
]
