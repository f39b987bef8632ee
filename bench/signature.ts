import { createHmac, randomBytes } from 'node:crypto'
import type { Actuator } from '../agent/command/actuator.ts'
import { type Authenticator, authenticate } from '../agent/command/authenticate.ts'
import { authorizeCommand } from '../agent/command/authorize.ts'
import type { Received } from '../agent/command/received.ts'
import { Refused } from '../agent/command/refused.ts'
import { chainSecret } from '../agent/credential/chain.ts'
import { EpochKeys } from '../agent/credential/epoch-keys.ts'
import type { MasterKey } from '../agent/credential/master-key.ts'
import { ReplayMemory } from '../agent/credential/replay.ts'
import { systemClock } from '../agent/time/system-clock.ts'
import { signRequest } from '../client/sign.ts'
import { type Credential, formatIdentifier } from '../model/credential.ts'
import { DEFAULT_ROLES } from '../model/role.ts'
import { type Figure, figure, type Run } from './figure.ts'
import { interleave } from './sample.ts'

const DAY = 86_400_000
const TURN = 1000
const TURNS = 30
const WARM_UP = 5
const HMAC_BYTES = 300
const OF = { environment: 'bench', gateway: 'bench-1' }

/**
 * How many commands one core authenticates and authorises in a second: the credential's chain, digest, signature, caveats and
 * nonce, then network, role, body, scope and setpoint.
 */
export async function measureSignatures({ signal, progress }: Run): Promise<Figure[]> {
  progress('signing and checking requests')
  const keys = new EpochKeys(
    [{ master: keyInMemory(), retiresAt: undefined }],
    { ...OF, epoch: DAY, grace: DAY },
    systemClock,
  )
  await keys.refresh(1000)
  const by: Authenticator = {
    ...OF,
    keys,
    replay: new ReplayMemory(systemClock.wall()),
    revocations: { of: () => undefined },
    roles: DEFAULT_ROLES,
    clock: systemClock,
  }
  const credentials = { four: issue(keys, 4), twelve: issue(keys, 12) }
  const message = randomBytes(HMAC_BYTES)
  const secret = randomBytes(32)

  const check = async (credential: Credential) => {
    const requests = Array.from({ length: TURN }, () => signed(credential))
    const began = performance.now()
    for (const received of requests) {
      const authenticated = authenticate(received, by)
      const answer =
        authenticated instanceof Refused
          ? authenticated
          : authorizeCommand(authenticated, VALVE.id, new Map([[VALVE.id, VALVE]]))
      if (answer instanceof Refused) throw new Error(`a right command was refused: ${answer.refusal.detail}`)
    }
    return [(TURN * 1000) / (performance.now() - began)]
  }
  const bare = async () => {
    const began = performance.now()
    for (let count = 0; count < TURN; count += 1) createHmac('sha256', secret).update(message).digest()
    return [(TURN * 1000) / (performance.now() - began)]
  }
  const sides = {
    four: () => check(credentials.four),
    twelve: () => check(credentials.twelve),
    bare,
  }
  await interleave(WARM_UP, sides, signal)
  const rates = await interleave(TURNS, sides, signal)
  const rate = (caveats: number, ours: number) =>
    figure({
      name: `commands authenticated and authorised on one core, credential of ${caveats} caveats`,
      unit: '1/s',
      ours,
      limit: rates.bare.median,
      better: 'more',
      against: `one HMAC-SHA256 over ${HMAC_BYTES} bytes (createHmac). Ours takes two more of them than the credential has caveats, and one SHA-256, and parses and checks besides`,
    })
  return [rate(4, rates.four.median), rate(12, rates.twelve.median)]
}

/** What the commands are for. Nothing here gets as far as its device. */
const VALVE: Actuator = {
  id: 'inlet-valve',
  description: '',
  driver: {
    connections: 0,
    read: () => Promise.reject(new Error('nothing is read')),
    write: () => Promise.reject(new Error('nothing is written')),
    [Symbol.asyncDispose]: async () => {},
  },
  commandPoint: 'command',
  feedbackPoint: 'feedback',
  domain: {
    kind: 'positions',
    positions: new Map([
      ['closed', { write: 0, feedback: 0 }],
      ['open', { write: 1, feedback: 1 }],
    ]),
  },
  safe: { setpoint: 'closed', write: 0, feedback: 0 },
  tolerance: 0,
  travelTime: 1000,
  staysCommanded: true,
  deviceTimeout: 1000,
  turnWithin: 0,
  tripsOnFailures: true,
  selectionLasts: undefined,
  pace: { minimumInterval: undefined, cyclesPerHour: undefined, rateOfChange: undefined },
  approvals: { command: 1, reset: 1 },
}

/** Stands in for the TPM, which is asked once a day and never for a request. */
function keyInMemory(): MasterKey {
  const master = randomBytes(32)
  return {
    generation: 1,
    description: 'memory',
    hmac: async message => ({ kind: 'mac', mac: createHmac('sha256', master).update(message).digest() }),
  }
}

/** Makes a credential of exactly so many caveats: more or fewer would be another figure. */
function issue(keys: EpochKeys, count: 4 | 12): Credential {
  const now = systemClock.wall()
  const epoch = keys.epochAt(now)
  const answer = keys.keyFor(keys.generation, epoch)
  if (answer.kind !== 'key') throw new Error(`there is no epoch key: ${answer.kind}`)
  const serial = randomBytes(12).toString('base64url')
  const identifier = formatIdentifier({ ...OF, generation: keys.generation, epoch, serial })
  const end = Math.floor(now / 1000) + 900
  const four = ['sub=olive', 'role=operator', 'act=inlet-valve,coolant-pump', `exp=${end}`]
  const eight = [
    `nbf=${end - 960}`,
    'net=10.0.0.0/8,fd00::/8',
    'net=10.1.0.0/16',
    'act=*-valve:open|closed,pump-*',
    'act=inlet-*',
    'role=engineer',
    `exp=${end - 60}`,
    'sub=olive',
  ]
  const caveats = count === 4 ? four : [...four, ...eight]
  const secret = chainSecret(answer.key, identifier, caveats)
  return { keyid: [identifier, ...caveats].join(';'), secret: secret.toString('base64url') }
}

function signed(credential: Credential): Received {
  const request = {
    method: 'POST',
    authority: 'gateway:8440',
    path: '/v1/actuators/inlet-valve/commands',
    body: Buffer.from('{"setpoint":"open"}'),
  }
  const created = Math.floor(systemClock.wall() / 1000)
  const headers = signRequest(request, credential, { created, nonce: randomBytes(16) })
  return {
    ...request,
    stage: 'received',
    channel: { name: 'lan', unattributed: 'count', admin: false },
    source: '10.1.2.3',
    tooEarly: 0,
    query: '?',
    fields: new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value]])),
    arrived: { wall: systemClock.wall(), monotonic: systemClock.monotonic() },
  }
}
