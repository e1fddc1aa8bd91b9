import { createComms, eventCache } from '@pipe-comms/core'
import { openJsonEventStore } from '@pipe-comms/store-json'
import { greenApiTransport } from '@pipe-comms/transport-greenapi'

export async function openLog(dir: string, webhookToken: string) {
  const store = eventCache({ store: await openJsonEventStore({ dir }) })
  const whatsapp = greenApiTransport({ idInstance: '7105000001', webhookToken })
  const comms = createComms({ store, transports: [whatsapp] })

  // In any router that speaks Request and Response: app.post('/webhooks/greenapi', (c) => comms.handle(c.req.raw))
  const history = async (phone: string) => {
    const texts: string[] = []
    for await (const event of store.readStream(`whatsapp:${phone}`)) {
      if (event.type === 'message.received') texts.push(`${event.occurredAt} ${event.data.text}`)
    }
    return texts
  }
  return { comms, history }
}
