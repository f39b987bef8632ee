import { lookup } from 'node:dns/promises'
import { lstat, readFile, stat } from 'node:fs/promises'
import { createServer, isIPv4 } from 'node:net'
import { dirname } from 'node:path'
import type { ListenerConfig } from '../config/config.ts'
import { error, type Finding, notChecked, ok } from './finding.ts'
import { holdersOf, type ListeningSocket, readListening } from './sockets.ts'

type NetworkListener = Exclude<ListenerConfig, { kind: 'unix' }>
type UnixListener = Extract<ListenerConfig, { kind: 'unix' }>

/** The agent that runs here: its process, `unseen` where this user cannot see which; undefined where none runs. */
export type RunningAgent = number | 'unseen' | undefined

/** Looks at the place of each listener: free for the agent, or held by it. Takes no port. */
export async function checkPorts(
  listeners: readonly ListenerConfig[],
  agent: RunningAgent,
): Promise<Finding[]> {
  const listening = await readListening()
  const least = Number(
    await readFile('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8').catch(() => '1024'),
  )
  return await Promise.all(
    listeners.map(listener =>
      listener.kind === 'unix' ? checkSocket(listener, agent) : checkPort(listener, listening, agent, least),
    ),
  )
}

async function checkPort(
  { name, host, port }: NetworkListener,
  listening: readonly ListeningSocket[],
  agent: RunningAgent,
  least: number,
): Promise<Finding> {
  const place = `listener ${name}: ${host}:${port}`
  if (port === 0) return ok(`${place}: the kernel chooses a free port`)
  if (port < least)
    return error(
      `${place}: the agent has no privileges, and a port below ${least} takes some`,
      'choose another port',
    )
  const address = await addressOf(host)
  if (address === undefined) return error(`${place}: no such host`, 'write the address of this gateway')
  const trouble = await bindTrouble(address)
  if (trouble !== undefined)
    return error(
      `${place}: this host does not have that address (${trouble})`,
      'ip address; then mend the listener',
    )
  const holders = listening.filter(socket => socket.port === port && overlaps(socket.address, address))
  if (holders.length === 0)
    return agent === undefined
      ? ok(`${place}: free`)
      : error(
          `${place}: an agent runs, and nobody listens there`,
          'journalctl -u holdfast; was the configuration changed since it started? Restart it',
        )
  const pids = await holdersOf(new Set(holders.map(({ inode }) => inode)))
  if (typeof agent === 'number' && pids.has(agent)) return ok(`${place}: the agent listens`)
  if (agent !== undefined && pids.size === 0)
    return notChecked(
      `${place}: somebody listens; this user cannot see whether it is the agent`,
      'run this as root',
    )
  const who = pids.size === 0 ? 'another program' : `process ${[...pids].join(', ')}`
  return error(
    `${place}: ${who} has this port`,
    `ss -ltnp 'sport = :${port}'; end it, or choose another port`,
  )
}

async function checkSocket({ name, path, mode }: UnixListener, agent: RunningAgent): Promise<Finding> {
  const place = `listener ${name}: ${path}`
  const found = await lstat(path).catch((failure: NodeJS.ErrnoException) => failure)
  if (found instanceof Error) {
    if (found.code === 'EACCES')
      return notChecked(`${place}: this user may not look there`, 'run this as root')
    if (agent !== undefined)
      return error(
        `${place}: an agent runs, and the socket is not there`,
        'restart it: systemctl restart holdfast',
      )
    const folder = await stat(dirname(path)).catch(() => undefined)
    return ok(folder ? `${place}: free` : `${place}: free; its folder is made at the start`)
  }
  if (!found.isSocket()) return error(`${place}: something else is there`, `ls -l ${path}; move it away`)
  const has = found.mode & 0o777
  if (agent !== undefined && has !== mode)
    return error(
      `${place} has the mode ${has.toString(8)}, and the configuration says ${mode.toString(8)}`,
      `who changed it? chmod ${mode.toString(8)} ${path}`,
    )
  return ok(
    agent === undefined
      ? `${place}: left by an earlier agent; it is replaced`
      : `${place}: the agent listens`,
  )
}

async function addressOf(host: string): Promise<string | undefined> {
  return await lookup(host).then(
    ({ address }) => address,
    () => undefined,
  )
}

/** Whether the address is one of this host's: any free port on it says so, and is given back at once. */
async function bindTrouble(address: string): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const server = createServer()
  server.once('error', (failure: NodeJS.ErrnoException) => resolve(failure.code))
  server.listen({ host: address, port: 0 }, () => server.close(() => resolve(undefined)))
  return await promise
}

/** Whether two sockets of one port would be in each other's way. */
function overlaps(held: string, address: string): boolean {
  if (/^0+$/.test(held) || address === '0.0.0.0' || address === '::') return true
  if (!isIPv4(address)) return held === expand(address)
  const hex = address
    .split('.')
    .map(byte => Number(byte).toString(16).padStart(2, '0'))
    .join('')
  return held === hex || held === `00000000000000000000ffff${hex}`
}

/** An IPv6 address as 32 hexadecimal digits. */
function expand(address: string): string {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const groups = (part = '') => (part === '' ? [] : part.split(':').map(group => group.padStart(4, '0')))
  const before = groups(head)
  const after = groups(tail)
  return [
    ...before,
    ...Array.from({ length: 8 - before.length - after.length }, () => '0000'),
    ...after,
  ].join('')
}
