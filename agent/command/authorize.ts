import { BlockList, isIPv6 } from 'node:net'
import { z } from 'zod'
import { allowsSetpoint, type Caveat, coversActuator } from '../../model/caveat.ts'
import { type Json, parseJsonStrictly, RepeatedKey } from '../../model/json.ts'
import type { Permission } from '../../model/role.ts'
import { describeDomain, resolveSetpoint, type Setpoint, type Target } from '../../model/setpoint.ts'
import type { Actuator } from './actuator.ts'
import type { Authenticated } from './authenticate.ts'
import { reasonTowardsSafe } from './reason.ts'
import type { ClientCertificate, Received } from './received.ts'
import { Refused, refuse, type Who } from './refused.ts'

/** A command that its credential reaches, on an actuator that there is, with a setpoint that it can take. */
export interface Authorized {
  readonly stage: 'authorized'
  readonly authenticated: Authenticated
  readonly actuator: Actuator
  readonly target: Target
  readonly reason: string | undefined
  readonly towardsSafe: boolean
}

const CommandBody = z.strictObject({
  setpoint: z.union([z.string().min(1).max(63), z.number()]),
  reason: reasonTowardsSafe.optional(),
})

/** Asks whether the credential allows this kind of request at all: from this network, with this role. */
export function authorizeRequest(authenticated: Authenticated, permission: Permission): Refused | undefined {
  const { received, claims, who, may } = authenticated
  for (const caveat of authenticated.claims.caveats) {
    if (!hasIdentity(caveat, received.channel.certificate)) {
      return refuse(
        'identity-denied',
        `the credential is bound to ${caveat.kind === 'spiffe' ? caveat.id : 'a client certificate'}, and this channel does not show it`,
        'use it with that certificate, over a TLS listener',
        who,
      )
    }
    if (caveat.kind === 'networks' && !inNetworks(received.source, caveat.networks)) {
      return refuse(
        'network-denied',
        `the credential is bound to ${caveat.networks.join(', ')} and was used from ${received.source}`,
        'use it from there, or get one for this network',
        who,
      )
    }
  }
  if (!may.has(permission)) {
    return refuse(
      'role-denied',
      `the role ${claims.roles.join(' and ')} does not allow: ${permission}`,
      'use a credential of a role that allows it: holdfast roles',
      who,
    )
  }
  return undefined
}

/** Whether a channel shows the identity that a caveat asks for; one that asks for none is content with every channel. */
function hasIdentity(caveat: Caveat, certificate: ClientCertificate | undefined): boolean {
  switch (caveat.kind) {
    case 'certificate':
      return certificate?.sha256 === caveat.sha256
    case 'spiffe':
      return certificate?.spiffe === caveat.id
    default:
      return true
  }
}

/** Asks whether the credential reaches this actuator. Whether there is one is not told to those whom it does not reach. */
export function authorizeActuator(
  authenticated: Authenticated,
  actuator: string,
  setpoint?: Setpoint,
): Refused | undefined {
  for (const caveat of authenticated.claims.caveats) {
    if (caveat.kind !== 'actuators') continue
    const covering = caveat.grants.filter(grant => coversActuator(grant, actuator))
    if (covering.length === 0) {
      return refuse(
        'scope-denied',
        `the credential does not reach ${actuator}`,
        'get one whose scope includes it',
        authenticated.who,
      )
    }
    if (setpoint !== undefined && !covering.some(grant => allowsSetpoint(grant, setpoint))) {
      return refuse(
        'scope-denied',
        `the credential does not allow ${setpoint} on ${actuator}`,
        'get one whose scope includes it',
        authenticated.who,
      )
    }
  }
  return undefined
}

/** Asks all of that of a command, and reads what it wants. */
export function authorizeCommand(
  authenticated: Authenticated,
  id: string,
  actuators: ReadonlyMap<string, Actuator>,
): Authorized | Refused {
  const { who } = authenticated
  const denied = authorizeRequest(authenticated, 'command')
  if (denied) return denied
  const body = readBody(authenticated, CommandBody)
  if (body instanceof Refused) return body
  const outOfScope = authorizeActuator(authenticated, id, body.setpoint)
  if (outOfScope) return outOfScope
  const actuator = actuators.get(id)
  if (!actuator) return refuse('actuator-unknown', `there is no actuator ${id}`, 'see `holdfast status`', who)
  const target = resolveSetpoint(actuator.domain, body.setpoint)
  if (!target) {
    return refuse(
      'setpoint-unknown',
      `${id} cannot be set to ${JSON.stringify(body.setpoint)}`,
      `it takes ${describeDomain(actuator.domain)}`,
      who,
    )
  }
  return {
    stage: 'authorized',
    authenticated,
    actuator,
    target,
    reason: body.reason,
    towardsSafe: target.write === actuator.safe?.write,
  }
}

/** Parses a body, strictly. Only now: where it is signed, its bytes were hashed and found right before anything read them. */
export function readBody<Body>(
  { received, who }: { readonly received: Received; readonly who?: Who | undefined },
  schema: z.ZodType<Body>,
): Body | Refused {
  let json: Json
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(received.body)
    json = parseJsonStrictly(text === '' ? '{}' : text)
  } catch (error) {
    if (error instanceof RepeatedKey) {
      return refuse(
        'body-ambiguous',
        `${error.message}, so the body could mean two things`,
        'send each key once',
        who,
      )
    }
    return refuse(
      'body-malformed',
      `the body is not JSON that can be used: ${(error as Error).message}`,
      'send one JSON object',
      who,
    )
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  return refuse(
    'body-malformed',
    `the body is not what was expected: ${describeIssues(parsed.error)}`,
    undefined,
    who,
  )
}

/** Says what is wrong with a body, field by field. */
function describeIssues({ issues }: z.ZodError): string {
  return issues
    .map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message))
    .join('; ')
}

/** Whether an address is in one of the networks. `local` stands for the unix sockets. */
export function inNetworks(source: string, networks: readonly string[]): boolean {
  if (source === 'local') return networks.includes('local')
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    if (bits === undefined) continue
    try {
      list.addSubnet(address, Number(bits), isIPv6(address) ? 'ipv6' : 'ipv4')
    } catch {
      // Not a network after all (10.0.0.0/40): it allows nothing.
    }
  }
  return list.check(source, isIPv6(source) ? 'ipv6' : 'ipv4')
}
