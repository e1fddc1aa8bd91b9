import { describe, expect, it } from 'vitest'
import { automaticFlags } from './automatic-mail.ts'
import { readEntity } from './mime-entity.ts'

const flagsOf = (header: string, subject = 'Re: Devis') => automaticFlags(readEntity(`From: a@example.org\r\n${header}\r\n\r\nx`), subject)
const REPLY = ['automatic', 'auto-reply']

describe('a mail is an automatic reply by the header', () => {
  it.each([
    'Auto-Submitted: auto-replied',
    'Auto-Submitted: auto-replied (vacation)',
    'X-Autoreply: yes',
    'X-AutoReply: 1',
    'X-Auto-Reply: yes',
    'X-Autorespond: vacation',
    'X-AutoResponder: 1',
    'X-Autoresponse: away',
    'X-Auto-Responder: x',
    'X-Mail-Autoreply: x',
    'X-Autoreply-From: a@example.org',
    'Precedence: auto_reply',
    'Precedence: auto-reply',
    'Precedence: Auto-Reply',
  ])('%s', (header) => {
    expect(flagsOf(header)).toEqual(REPLY)
  })

  it.each(['X-Autoreply: no', 'X-Auto-Reply: false', 'Precedence: first-class', 'Auto-Submitted: no'])('but not by %s', (header) => {
    expect(flagsOf(header)).toEqual([])
  })
})

describe('a mail is an automatic reply by the subject', () => {
  it.each([
    'Automatic reply: Devis',
    'Auto: Devis',
    'Auto-Reply: Devis',
    'Autoreply',
    'Auto Response: Devis',
    'Out of Office: Devis',
    'Out of the office until Monday',
    'Réponse automatique : Devis',
    'REPONSE AUTOMATIQUE: Devis',
    'Re\u0301ponse automatique : Devis',
    'Message d’absence : Devis',
    "Message d'absence",
    'Avis d’absence',
    'Notification d’absence',
    'Message automatique : absence',
    'Absence du bureau : Devis',
    'Absent(e) du bureau : Devis',
    'Absente du bureau',
    'Absent jusqu’au 12 janvier',
    'Je suis absent du bureau',
    'En congés jusqu’au 12',
    'Automatische Antwort: Angebot',
    'Abwesenheitsnotiz: Angebot',
    'Respuesta automática: Presupuesto',
    'Fuera de la oficina: Presupuesto',
    'Risposta automatica: Preventivo',
  ])('%s', (subject) => {
    expect(flagsOf('X: y', subject)).toEqual(REPLY)
  })

  it.each([
    'Re: Devis',
    'Automatisation de vos devis',
    'Auto : devis d’assurance',
    'Absence de réponse de votre part',
    'Mon absence de mardi',
    'Question about the out of office message',
    'Autoroute A6',
    'Holiday offers',
    '',
  ])('but not by %s', (subject) => {
    expect(flagsOf('X: y', subject)).toEqual([])
  })
})
