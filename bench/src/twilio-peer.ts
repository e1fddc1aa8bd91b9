import { parentPort } from 'node:worker_threads'
import { startTwilioSimulator } from '@pipe-comms/simulators'

/** A simulated Twilio in a thread of its own. Tells where it is, and how many messages it has when asked. */
const twilio = await startTwilioSimulator()
const { sid: accountSid, authToken } = twilio.account
parentPort?.postMessage({ accountSid, authToken, apiUrl: twilio.url })
parentPort?.on('message', () => parentPort?.postMessage({ taken: twilio.account.messages.length }))
