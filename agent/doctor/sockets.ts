import { readdir, readFile, readlink } from 'node:fs/promises'

/** A TCP socket of this host on which somebody listens. */
export interface ListeningSocket {
  /** As in /proc, in network order: eight hexadecimal digits, or 32 for IPv6. */
  readonly address: string
  readonly port: number
  readonly inode: number
}

/** The state of a socket that listens (linux/tcp_states.h, TCP_LISTEN). */
const LISTEN = '0A'

/** Reads the text of /proc/net/tcp or tcp6 (proc_net_tcp.txt). */
export function parseListening(text: string): ListeningSocket[] {
  return text.split('\n').flatMap(line => {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/)
    const [address = '', port = ''] = local.split(':')
    if (state !== LISTEN) return []
    return { address: bytesInOrder(address), port: Number.parseInt(port, 16), inode: Number(inode) }
  })
}

/** The inodes of the unix sockets that are bound to a path, from the text of /proc/net/unix. */
export function inodesOf(text: string, path: string): number[] {
  return text.split('\n').flatMap(line => {
    const [, inode, bound] = /^\S+: \S+ \S+ \S+ \S+ \S+\s+([0-9]+) (.+)$/.exec(line) ?? []
    return bound === path ? [Number(inode)] : []
  })
}

/** Everybody who listens over TCP on this host. Changes nothing and takes no port, not even for a moment. */
export async function readListening(): Promise<ListeningSocket[]> {
  const texts = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map(path => readFile(path, 'utf8').catch(() => '')),
  )
  return texts.flatMap(parseListening)
}

/** The inodes of the unix sockets that are bound to a path on this host. */
export async function inodesAt(path: string): Promise<number[]> {
  return inodesOf(await readFile('/proc/net/unix', 'utf8').catch(() => ''), path)
}

/** The processes that have one of these sockets open, of those that this user may look at. */
export async function holdersOf(inodes: ReadonlySet<number>): Promise<Set<number>> {
  const holders = new Set<number>()
  if (inodes.size === 0) return holders
  for (const name of await readdir('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid)) continue
    // Gone meanwhile, or another user's.
    for (const descriptor of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')
      const [, inode] = /^socket:\[([0-9]+)\]$/.exec(target) ?? []
      if (inode !== undefined && inodes.has(Number(inode))) holders.add(pid)
    }
  }
  return holders
}

/** Each four bytes are a number of the processor's own order: little-endian on all that holdfast is made for. */
function bytesInOrder(hex: string): string {
  return hex.replaceAll(/(..)(..)(..)(..)/g, '$4$3$2$1').toLowerCase()
}
