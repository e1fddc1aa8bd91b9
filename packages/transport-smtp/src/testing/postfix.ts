import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificate } from '@pipe-comms/simulators'

const POSTFIX = '/usr/sbin/postfix'
const SASLPASSWD = '/usr/sbin/saslpasswd2'
/** Owner of the mailboxes; needs no account. */
const MAILBOX_UID = 5000
const DAY_MS = 86_400_000

/** Why the real Postfix cannot be started here; nothing when it can. */
export function whyNoPostfix(): string | undefined {
  const missing = [POSTFIX, SASLPASSWD].filter((file) => !existsSync(file))
  if (missing.length > 0) return `${missing.join(' and ')} not installed: scripts/install-servers.sh`
  return process.getuid?.() === 0 ? undefined : 'Postfix starts as root only'
}

export interface Postfix {
  readonly port: number
  readonly ca: string
  readonly user: string
  readonly password: string
  /** The mails in the mailbox of this local part, once there are this many. */
  mails(localPart: string, count: number): Promise<readonly Buffer[]>
  stop(): Promise<void>
}

/**
 * Debian's Postfix as a relay of one's own: TLS before everything, login against a file, each sender tied to its login. It delivers to
 * mailboxes of example.com and example.org, and bounces what is for gone@example.org.
 */
export async function startPostfix(): Promise<Postfix> {
  const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-postfix-'))
  await chmod(dir, 0o755)
  const at = (...names: readonly string[]) => join(dir, ...names)
  for (const name of ['etc', 'etc/sasl', 'spool', 'data', 'mail']) await mkdir(at(name))
  const owner = Number(execFileSync('id', ['-u', 'postfix'], { encoding: 'utf8' }))
  await chown(at('data'), owner, -1)
  await chown(at('mail'), MAILBOX_UID, MAILBOX_UID)

  const { cert, key } = makeCertificate({
    hosts: ['localhost'],
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + 90 * DAY_MS),
  })
  const password = 'postfix-password-for-tests'
  execFileSync(SASLPASSWD, ['-p', '-c', '-f', at('etc/sasl/sasldb2'), '-u', 'example.com', 'sales'], {
    input: password,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  await chown(at('etc/sasl/sasldb2'), owner, -1)
  const port = await freePort()
  const files: Record<string, string> = {
    'etc/main.cf': mainCf(dir),
    'etc/master.cf': masterCf(dir, port),
    'etc/cert.pem': cert,
    'etc/key.pem': key,
    'etc/mailboxes': 'camille@example.org camille/\ngone@example.org gone/\nsales@example.com sales/\n',
    'etc/gone.sh': '#!/bin/sh\necho The user has left\nexit 67\n',
    'etc/senders': 'sales@example.com sales@example.com\n',
    'etc/transport': 'gone@example.org gone:\n',
    // Where Debian's Postfix looks for it.
    'etc/sasl/smtpd.conf': `pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\nsasldb_path: ${at('etc/sasl/sasldb2')}\n`,
  }
  for (const [name, text] of Object.entries(files)) await writeFile(at(name), text, { mode: name.endsWith('.sh') ? 0o755 : 0o644 })

  // It leaves for the background at once; the shell stops it when told to, and when this process is gone.
  const server = spawn('/bin/sh', ['-c', '"$0" -c "$1" start && cat > /dev/null; "$0" -c "$1" stop', POSTFIX, at('etc')], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const stop = async () => {
    await ended(server)
    await rm(dir, { recursive: true, maxRetries: 5 })
  }
  try {
    await waitFor(() => greets(port), 'Postfix to answer', server)
  } catch (error) {
    const log = await readFile(at('log'), 'utf8').catch(() => '(no log)')
    await stop()
    throw new Error(`${String(error)}\n${log}`)
  }
  return {
    port,
    ca: cert,
    user: 'sales@example.com',
    password,
    async mails(localPart, count) {
      const box = at('mail', localPart, 'new')
      const names = async () => (await readdir(box).catch(() => [])).sort()
      await waitFor(async () => (await names()).length >= count, `${count} mails for ${localPart}`, server)
      return Promise.all((await names()).map((name) => readFile(join(box, name))))
    },
    stop,
  }
}

function mainCf(dir: string): string {
  return `
compatibility_level = 3.6
queue_directory = ${dir}/spool
data_directory = ${dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = ${dir}/log
maillog_file_prefixes = ${dir}
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.example.com
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
mydestination =
local_recipient_maps =
virtual_mailbox_domains = example.org, example.com
virtual_mailbox_base = ${dir}/mail
virtual_mailbox_maps = texthash:${dir}/etc/mailboxes
virtual_uid_maps = static:${MAILBOX_UID}
virtual_gid_maps = static:${MAILBOX_UID}
transport_maps = texthash:${dir}/etc/transport
smtpd_tls_cert_file = ${dir}/etc/cert.pem
smtpd_tls_key_file = ${dir}/etc/key.pem
smtpd_tls_security_level = encrypt
smtpd_tls_session_cache_database =
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = ${dir}/etc/sasl
smtpd_sender_login_maps = texthash:${dir}/etc/senders
smtpd_sender_restrictions = reject_sender_login_mismatch
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions =
smtpd_client_connection_count_limit = 0
`
}

function masterCf(dir: string, port: number): string {
  return `
127.0.0.1:${port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
gone unix - n n - - pipe user=nobody argv=${dir}/etc/gone.sh
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('data', (chunk) => end(String(chunk).startsWith('220')))
    socket.once('error', () => end(false))
  })
}

const PATIENCE_MS = 15_000

async function waitFor(reached: () => Promise<boolean>, what: string, server: ChildProcess): Promise<void> {
  const until = Date.now() + PATIENCE_MS
  while (!(await reached())) {
    if (server.exitCode !== null) throw new Error(`Waiting for ${what}: Postfix ended with code ${server.exitCode}`)
    if (Date.now() > until) throw new Error(`Waited ${PATIENCE_MS} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return
  const gone = new Promise((resolve) => server.once('exit', resolve))
  server.stdin?.end()
  await gone
}
