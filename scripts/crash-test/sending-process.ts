// Run by sending.ts and killed by it: sends what the shared log asks for, and prints whose outcome it has given up on.
import { writeSync } from 'node:fs'
import { openComms, type SendingWorld } from './sending-ways.ts'

const world = JSON.parse(process.env.SENDING_WORLD ?? '') as SendingWorld
const comms = await openComms(world, {
  // Synchronous: what was reported is printed before a kill can come.
  onProblem: ({ kind, messageId }) => writeSync(1, `${kind} ${messageId}\n`),
})
comms.start()
writeSync(1, 'started\n')
