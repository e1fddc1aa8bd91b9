import { createServer } from 'node:net'
import { parentPort } from 'node:worker_threads'

/**
 * An SMTP server that takes everything at once and keeps nothing, in a thread of its own: as little as a server can do, so that what is
 * measured is the sender. Tells its port, and how many messages it took when asked.
 */
let taken = 0
const server = createServer({ noDelay: true }, (socket) => {
  let inMessage = false
  let text = ''
  socket.on('error', () => {})
  socket.write('220 sink ESMTP\r\n')
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    for (;;) {
      if (inMessage) {
        const end = text.indexOf('\r\n.\r\n')
        if (end < 0) {
          text = text.slice(-4)
          return
        }
        text = text.slice(end + 5)
        inMessage = false
        taken += 1
        socket.write('250 2.0.0 Ok\r\n')
      }
      const end = text.indexOf('\r\n')
      if (end < 0) return
      const command = text.slice(0, 4).toUpperCase()
      text = text.slice(end + 2)
      if (command === 'DATA') inMessage = true
      if (command === 'EHLO') socket.write('250-sink\r\n250 PIPELINING\r\n')
      else if (command === 'DATA') socket.write('354 Go on\r\n')
      else if (command === 'QUIT') socket.end('221 Bye\r\n')
      else socket.write('250 2.0.0 Ok\r\n')
    }
  })
})
server.listen(0, '127.0.0.1', () => parentPort?.postMessage({ port: (server.address() as { port: number }).port }))
parentPort?.on('message', () => parentPort?.postMessage({ taken }))
