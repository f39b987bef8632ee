import { request } from 'node:http'
import { EXIT } from '../../model/exit.ts'
import type { Fault } from '../fault.ts'
import { formatFaultText, readFaultText } from '../plant-file/fault-text.ts'

/** Where the control port of a running plant is. */
export interface ControlAddress {
  readonly host: string
  readonly port: number
}

/** What to do about the faults of a running plant; `kind` is of those to clear, all where there is none. */
export type FaultOrder =
  | { readonly kind: 'list' }
  | { readonly kind: 'set'; readonly text: string }
  | { readonly kind: 'clear'; readonly of: string | undefined }

/** The plant does not answer within this: it is on this machine, or in the same room. */
const TIMEOUT = 5000

/**
 * `holdfast fault`: looks at and changes the faults of a plant that runs, over its control port. Resolves with the exit code: 0 done,
 * 2 what was asked for cannot be, 5 no plant answers.
 */
export async function orderFault(
  control: ControlAddress,
  order: FaultOrder,
  options: { json?: boolean },
): Promise<number> {
  const asked = asRequest(order)
  if (typeof asked === 'string') return fail(asked, EXIT.usage)
  const answer = await ask(control, asked).catch((error: Error) => error)
  if (answer instanceof Error) {
    const where = `${control.host}:${control.port}`
    return fail(
      `no plant answers at ${where}: ${answer.message}\nStart it with: holdfast simulate PLANT --control ${control.port}`,
      EXIT.unreachable,
    )
  }
  if (answer.status !== 200) {
    const { detail } = answer.body as { detail?: string }
    return fail(
      detail ?? `the control port answered ${answer.status}: is it one of a simulated plant?`,
      EXIT.usage,
    )
  }
  process.stdout.write(options.json ? `${JSON.stringify(answer.body)}\n` : inWords(order, answer.body))
  return EXIT.done
}

interface Asked {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: string
}

/** The request of an order, or what is wrong with it. */
function asRequest(order: FaultOrder): Asked | string {
  const path = '/v1/faults'
  switch (order.kind) {
    case 'list':
      return { method: 'GET', path }
    case 'clear':
      return {
        method: 'DELETE',
        path: order.of === undefined ? path : `${path}/${encodeURIComponent(order.of)}`,
      }
    case 'set': {
      const read = readFaultText(order.text)
      if (read.kind === 'problem') return `${order.text}: ${read.message}`
      return { method: 'POST', path, body: JSON.stringify(read.fault) }
    }
  }
}

function ask(
  { host, port }: ControlAddress,
  { method, path, body }: Asked,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: unknown }>()
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body ?? '') }
  const signal = AbortSignal.timeout(TIMEOUT)
  const outgoing = request({ host, port, method, path, headers, signal }, incoming => {
    let text = ''
    incoming.setEncoding('utf8')
    incoming.on('data', (chunk: string) => {
      text += chunk
    })
    incoming.on('error', reject)
    incoming.on('end', () => {
      try {
        resolve({ status: incoming.statusCode ?? 0, body: JSON.parse(text) })
      } catch {
        reject(new Error('what answers there is no simulated plant'))
      }
    })
  })
  outgoing.on('error', reject)
  outgoing.end(body)
  return promise
}

function inWords(order: FaultOrder, body: unknown): string {
  switch (order.kind) {
    case 'list': {
      const { faults } = body as { faults: readonly Fault[] }
      return faults.length === 0
        ? 'nothing is wrong\n'
        : faults.map(fault => `${formatFaultText(fault)}\n`).join('')
    }
    case 'set':
      return `${formatFaultText((body as { fault: Fault }).fault)}: set\n`
    case 'clear': {
      const { cleared } = body as { cleared: readonly Fault[] }
      return cleared.length === 0
        ? 'nothing was wrong\n'
        : cleared.map(one => `${formatFaultText(one)}: cleared\n`).join('')
    }
  }
}

function fail(message: string, code: number): number {
  process.stderr.write(`${message}\n`)
  return code
}
