import { describe, expect, it } from 'vitest'
import { failureClassOf, readStatus } from './failure-class.ts'

const classOf = (text: string, afterMessage = false) => failureClassOf(readStatus(text), afterMessage)

describe('a final refusal is the fault of', () => {
  it.each([
    // Orange and Wanadoo, La Poste
    ['550 5.2.0 Mail rejete. Mail rejected. ofr_506 [506]', 'policy'],
    ['550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]', 'recipient'],
    ['552 5.1.1 Boite du destinataire pleine. Recipient overquota. OFR_417 [417]', 'recipient'],
    ['552 5.2.0 Taille limite du message atteinte. Maximum size of the message reached. OFR_514 [514]', 'content'],
    ['571 5.7.1 Message refused, DMARC verification Failed. LPN007_517', 'policy'],
    ['550 5.5.0 Adresse destinataire invalide. Invalid recipient. LPN007_416', 'recipient'],
    ['550 5.5.0 Boite du destinataire archivee. Archived recipient. LPN007_420', 'recipient'],
    ['550 5.5.0 Le compte du destinataire est bloque. The recipient account isblocked. LPN007_426', 'recipient'],
    ['550 5.5.0 Service refuse. Veuillez essayer plus tard. service refused, please try later. LPN007_510', 'policy'],
    ['550 5.5.0 Les emails envoyes vers la messagerie Laposte.net ont ete bloques par nos services. LPN007_102', 'policy'],
    ['550 5.5.0 SPF: example.com is not allowed to send mail. LPN004_401', 'policy'],
    ['550 mwinf5c04 ME Adresse IP source bloquee pour incident de spam. OFR006_102', 'policy'],
    ['550 5.1.0 Emetteur invalide. Invalid Sender. OFR_415 [415]', 'policy'],
    // SFR, Free
    ['550 5.5.0 Service refuse SFR_IN_103', 'policy'],
    ['550 5.7.1 spam detected', 'policy'],
    ['550 spam detected', 'policy'],
    ['550 5.0.0 spam detected', 'policy'],
    // Outlook.com
    ['550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)', 'recipient'],
    ["550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Your network is on our block list (S3150).", 'policy'],
    ['550 5.4.1 Recipient address rejected: Access denied. AS(201806281)', 'recipient'],
    // Others' undefined details are read by their words.
    ['550 5.0.0 User unknown', 'recipient'],
    ['554 5.0.0 Message size exceeds fixed maximum message size', 'content'],
    ['550 5.1.0 Address rejected', 'recipient'],
    ['550 5.2.0 Message rejected because it contains a virus', 'content'],
    ['550 5.0.0 Boîte aux lettres inexistante', 'recipient'],
    ['550 5.5.0 Message refused as spam', 'policy'],
    // Specific details hold against the words.
    ['550 5.1.1 Recipient refused by policy', 'recipient'],
    ['552 5.2.2 Mailbox full, message rejected as spam', 'recipient'],
    ['552 5.3.4 too large', 'content'],
    ['550 5.1.8 no', 'configuration'],
    ['550 5.7.26 unauthenticated', 'policy'],
    // Neither code nor word
    ['550 5.5.0 x', 'provider'],
    ['550 no', 'recipient'],
    ['552 no', 'content'],
  ])('%s: %s', (text, expected) => {
    expect(classOf(text)).toBe(expected)
  })

  it('of the message, without a word about it, when it came after the message', () => {
    expect([classOf('554 no', true), classOf('554 no', false)]).toEqual(['content', 'recipient'])
  })
})
