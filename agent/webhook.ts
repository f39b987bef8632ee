import { randomBytes, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { request as requestTls } from 'node:https'
import { signRequest } from '../client/sign.ts'
import type { Json } from '../model/json.ts'
import type { Clock } from '../model/time.ts'
import type { Alarms } from './alarms/alarms.ts'
import { type Delivered, Webhook } from './alarms/webhook.ts'
import type { Config, WebhookConfig } from './config/config.ts'
import { readGuardedFile } from './credential/file/guarded-file.ts'
import type { AlarmOutlets } from './open-alarms.ts'

const SECRET = /^[A-Za-z0-9+/_-]{43,}={0,2}$/
const SECRET_LENGTH_MAX = 1024

/** Begins to tell a webhook of alarms, where the configuration names one. */
export function openWebhook(
  config: Config,
  user: number,
  clock: Clock,
  alarms: Alarms,
  outlets: AlarmOutlets,
): AsyncDisposable | undefined {
  const { webhook, environment, gateway } = config
  if (!webhook) return undefined
  const teller = new Webhook({
    deliver: (message, stop) => deliverTo(webhook, `${environment}/${gateway}`, user, message, clock, stop),
    from: { environment, gateway },
    alarms,
    clock,
    newId: randomUUID,
  })
  outlets.alsoTell(told => teller.tell(told))
  return teller
}

/** Reads the secret and the authority anew each time: ones that were changed are taken up without a restart. */
async function deliverTo(
  webhook: WebhookConfig,
  keyid: string,
  user: number,
  message: Json,
  clock: Clock,
  stop: AbortSignal,
): Promise<Delivered> {
  const read = await readGuardedFile(webhook.secretFile, {
    user,
    modeMax: 0o600,
    lengthMax: SECRET_LENGTH_MAX,
  })
  if (read.kind !== 'bytes')
    return { kind: 'failed', detail: `the secret ${webhook.secretFile} cannot be used (${read.cause})` }
  using held = read
  const secret = Buffer.from(held.bytes).toString('latin1').trim()
  if (!SECRET.test(secret)) {
    const detail = `the secret ${webhook.secretFile} is not 32 bytes or more in base64: openssl rand -base64 32`
    return { kind: 'failed', detail }
  }
  let ca: string | undefined
  try {
    ca = webhook.ca === undefined ? undefined : await readFile(webhook.ca, 'utf8')
  } catch (error) {
    return { kind: 'failed', detail: `the authority cannot be read: ${(error as Error).message}` }
  }
  const url = new URL(webhook.url)
  const body = Buffer.from(`${JSON.stringify(message)}\n`)
  const of = { method: 'POST', authority: url.host, path: url.pathname, query: url.search.slice(1), body }
  const freshness = { created: Math.floor(clock.wall() / 1000), nonce: randomBytes(16) }
  const signature = signRequest(of, { keyid, secret }, freshness)
  const late = new AbortController()
  void clock.sleep(webhook.timeout, late.signal).then(() => late.abort())
  try {
    const status = await post(url, body, signature, ca, AbortSignal.any([stop, late.signal]))
    return judge(status)
  } catch (error) {
    const { name, message: said } = error as Error
    return { kind: 'failed', detail: name === 'AbortError' ? 'no answer in time' : said }
  } finally {
    late.abort()
  }
}

/** One POST. Resolves with the status; no redirect is followed, so that alarms go to this address and nowhere else. */
async function post(
  url: URL,
  body: Buffer,
  headers: Readonly<Record<string, string>>,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const isTls = url.protocol === 'https:'
  const sent = (isTls ? requestTls : request)(
    url,
    {
      method: 'POST',
      headers: { ...headers, 'Content-Type': 'application/json', 'Content-Length': body.length },
      ...(isTls ? { rejectUnauthorized: true, minVersion: 'TLSv1.2' as const, ...(ca ? { ca } : {}) } : {}),
      agent: false,
      signal,
    },
    response => {
      response.resume()
      resolve(response.statusCode ?? 0)
    },
  )
  sent.on('error', reject)
  sent.end(body)
  return await promise
}

function judge(status: number): Delivered {
  if (status >= 200 && status < 300) return { kind: 'delivered' }
  const detail = `it answered ${status}`
  const isTheirs = status >= 400 && status < 500 && ![401, 403, 404, 408, 425, 429].includes(status)
  return { kind: isTheirs ? 'refused' : 'failed', detail }
}
