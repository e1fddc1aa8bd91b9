import { parentPort } from 'node:worker_threads'
import { isCommsError } from '@pipe-comms/core'
import type { FromMailThread, ToMailThread } from './mail-protocol.ts'
import { readMail } from './read-mail.ts'
import { textOfHtml } from './text-of-html.ts'

if (!parentPort) throw new Error('mail-worker runs as a worker thread')
const port = parentPort
const reply = (message: FromMailThread) => port.postMessage(message)

async function answer(job: ToMailThread): Promise<FromMailThread> {
  try {
    if ('html' in job) return { text: await textOfHtml(job.html) }
    return { reading: await readMail(Buffer.from(job.mail.buffer, job.mail.byteOffset, job.mail.byteLength), job.options) }
  } catch (error) {
    return { unreadable: isCommsError(error) ? error.message : 'SMTP: expected a mail, got what cannot be read as one' }
  }
}

// The other side sends the next job when it has the answer to this one.
port.on('message', (job: ToMailThread) => void answer(job).then(reply))
reply('ready')
