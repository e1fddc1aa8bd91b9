import { readdir, readFile } from 'node:fs/promises'
import type { PostgresServer } from '../../packages/store-supabase/src/testing/postgres-server.ts'

/** Stops all processes of a database, as a machine that hangs does: connections stay and nothing answers. Gives what lets them go on. */
export async function hangDatabase({ pid }: PostgresServer): Promise<() => void> {
  const processes = [pid, ...(await childrenOf(pid))]
  for (const each of processes) signal(each, 'SIGSTOP')
  return () => {
    for (const each of processes) signal(each, 'SIGCONT')
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const children: number[] = []
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
    // proc(5): the parent is the second field behind the name in brackets.
    if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid) children.push(Number(name))
  }
  return children
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // A backend that has ended meanwhile.
  }
}
