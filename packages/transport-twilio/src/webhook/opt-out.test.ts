import { describe, expect, it } from 'vitest'
import { parse, phone } from '../testing/parse.ts'
import { ACCOUNT_SID, type Form, incomingSms, incomingWhatsApp, MESSAGING_SERVICE_SID, sidOf } from '../testing/payloads.ts'

describe('consent', () => {
  const change = (form: Form) => parse(form).slice(1)
  const sid = sidOf('SM', 4)

  it.each(['STOP', ' stop\n', 'StopAll', 'UNSUBSCRIBE', 'cancel', 'END', 'QUIT', 'Revoke', 'OPTOUT', 'ARRET', 'Arrêt', 'arrêter'])(
    '%j opts out',
    (Body) => {
      const [received, out] = parse(incomingSms(4, { Body }))
      expect(received?.type).toBe('message.received')
      expect(out).toMatchObject({
        type: 'contact.opted_out',
        idempotencyKey: `twilio:${ACCOUNT_SID}:opted-out:${sid}`,
        contact: phone('+12025550142'),
        data: { reason: 'keyword', keyword: Body.trim() },
      })
    },
  )

  it.each([
    ...[
      'Stop.',
      'STOP!',
      'stop !',
      '« Stop ! »',
      '"STOP"',
      '(stop)',
      '*STOP*',
      'S.T.O.P',
      'STOP 🛑',
      'stop…',
      '\u200bSTOP\ufeff',
      'ＳＴＯＰ',
    ],
    ...['stop all', 'Stop-all.', 'STOP\nALL', 'OPT OUT', 'opt-out', 'Opt_out!', 'opt me out', 'unsubscribe me', 'Stop SMS'],
    ...['STOP STOP', 'stop, stop, stop!', 'Cancel.', 'END!', 'quit;', 'Revoke.'],
    ...[
      'arrêt',
      'ARRÊT !',
      'arre\u0302t',
      'Arrêtez.',
      'désabonner',
      'Désabonnement',
      'me désabonner',
      'Désabonnez-moi !',
      'désinscription',
    ],
  ])('%j opts out, whatever stands around and between the letters of the keyword', (Body) => {
    expect(change(incomingSms(4, { Body }))).toMatchObject([
      { type: 'contact.opted_out', data: { reason: 'keyword', keyword: Body.trim() } },
    ])
  })

  it.each(['Start.', 'YES!', 'un-stop', 'Unstop !', 'start start'])('%j opts in by the same rule', (Body) => {
    expect(change(incomingSms(4, { Body }))).toMatchObject([{ type: 'contact.opted_in' }])
  })

  it.each([
    ...['STOP please', 'please stop', 'Stop svp', 'STOP s.v.p.', 'Stop, merci', "Stop s'il vous plaît", 'STOP por favor'],
    ...['STOP 36184', 'STOP au 36184', 'stop sms 36184', 'STOP PUB', 'Désinscrivez-moi', 'remove me'],
    ...['BAJA', 'Alto', 'parar', 'Cancelar', 'dar de baja', '¡Darme de baja!'],
  ])('%j opts out, with polite words, a short code or in Spanish', (Body) => {
    expect(change(incomingSms(4, { Body }))).toMatchObject([{ type: 'contact.opted_out', data: { reason: 'keyword', keyword: Body } }])
  })

  it.each([
    ...[
      'Stop?',
      'STOP ?',
      'Yes?',
      'STOP 2',
      '1 stop',
      'stop1',
      'Stop it',
      'non stop',
      'bus stop',
      "Don't stop",
      'restart',
      'the end',
      'weekend',
    ],
    ...[
      'Please stop calling at night',
      'STOP au 36111 demain',
      'STOP au 12345',
      'Stop all this',
      'I quit smoking',
      'cancel my order',
      'arrêt de bus',
      'End of story.',
    ],
    ...['info@example.com', 'STOP http://example.com', 'stop'.repeat(3), `stop${' '.repeat(200)}`.padStart(400, 'x')],
  ])('%j is no keyword, and changes nothing', (Body) => {
    expect(change(incomingSms(4, { Body }))).toEqual([])
  })

  it.each(['START', 'yes', 'UnStop'])('%j opts in', (Body) => {
    expect(change(incomingSms(4, { Body }))).toMatchObject([
      { type: 'contact.opted_in', idempotencyKey: `twilio:${ACCOUNT_SID}:opted-in:${sid}` },
    ])
  })

  it.each(['HELP', 'INFO', 'aide', 'Stopp', 'st0p', 'please', 'Merci', 'Baja California', 'Cancelar la cita', '', 'Yes, tomorrow'])(
    '%j changes nothing',
    (Body) => {
      expect(change(incomingSms(4, { Body }))).toEqual([])
    },
  )

  it.each([
    ['STOP', 'contact.opted_out'],
    ['START', 'contact.opted_in'],
  ])('OptOutType %s counts whatever the words are', (OptOutType, type) => {
    const facts = parse(incomingSms(4, { Body: 'Basta', OptOutType, MessagingServiceSid: MESSAGING_SERVICE_SID }))
    expect(facts).toMatchObject([
      { type: 'message.received', data: { text: 'Basta', extra: { optOutType: OptOutType } } },
      { type, data: { reason: 'advanced-opt-out', keyword: 'Basta' } },
    ])
  })

  it('OptOutType HELP changes nothing, also beside a keyword', () => {
    expect(change(incomingSms(4, { Body: 'STOP', OptOutType: 'HELP' }))).toEqual([])
  })

  it('is in the typed word on WhatsApp, and not in an answer to a question', () => {
    expect(change(incomingWhatsApp(4, { Body: 'stop' }))).toMatchObject([{ type: 'contact.opted_out', channel: 'whatsapp' }])
    expect(change(incomingWhatsApp(4, { Body: 'START' }))).toMatchObject([{ type: 'contact.opted_in' }])
    for (const Body of ['Yes', 'Cancel', 'Quit', 'End', 'Yes!', '« Cancel »', 'End.', 'Cancelar', 'Baja', 'Cancel please'])
      expect(change(incomingWhatsApp(4, { Body }))).toEqual([])
    expect(change(incomingWhatsApp(4, { Body: 'STOP', ButtonText: 'STOP', ButtonPayload: 'stop-now' }))).toEqual([])
    expect(change(incomingWhatsApp(4, { Body: 'Yes', OptOutType: 'START' }))).toHaveLength(1)
  })
})
