import { type CheckpointStore, createComms, type EventStore, type Transport } from '@pipe-comms/core'

export function openSending(store: EventStore & { readonly checkpoints?: CheckpointStore }, whatsapp: Transport, sms: Transport) {
  const comms = createComms({
    store,
    transports: [whatsapp, sms],
    defaultRegion: 'FR',
    outbox: {
      ...(store.checkpoints ? { checkpoints: store.checkpoints } : {}),
      onProblem: ({ kind, messageId, reason }) => console.error(`${kind}: ${messageId}: ${reason}`),
    },
  })
  comms.start()

  const remind = (orderId: string, phone: string) =>
    comms.send(
      {
        channel: 'whatsapp',
        to: phone,
        content: { text: 'Votre commande est prête.' },
        idempotencyKey: `order-${orderId}-ready`,
        expiresAt: new Date(Date.now() + 3_600_000),
        fallback: [{ channel: 'sms', to: phone, afterMs: 600_000 }],
      },
      { waitFor: 'sent', timeoutMs: 10_000 },
    )
  return { comms, remind }
}
