import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Json } from '../../model/json.ts'
import type { Clock } from '../../model/time.ts'
import { type Authenticated, authenticate } from '../command/authenticate.ts'
import { authorizeRequest } from '../command/authorize.ts'
import { issue } from '../command/issue.ts'
import type { Ledger } from '../command/ledger.ts'
import { type Commands, carryOut } from '../command/pipeline.ts'
import type { Rates } from '../command/rates.ts'
import { receive } from '../command/receive.ts'
import type { Channel, Received } from '../command/received.ts'
import { Refused, refuse } from '../command/refused.ts'
import { type Resets, reset } from '../command/reset.ts'
import { revoke } from '../command/revoke.ts'
import { type Rotator, rotate } from '../command/rotate.ts'
import type { Mint } from '../credential/mint.ts'
import type { Revocations } from '../credential/revocations.ts'
import { answerCommand, answerRefusal, type HttpAnswer, rawAnswer, send } from './answers.ts'
import type { Handler } from './listener.ts'
import { type Condition, troubles, viewActuator, viewActuators, viewAgent } from './status.ts'

export interface ServiceParts {
  readonly commands: Commands
  readonly resets: Resets
  readonly mint: Mint
  readonly revocations: Revocations
  readonly ledger: Ledger
  readonly rotator: Rotator
  readonly condition: Condition
  readonly rates: Rates
  readonly clock: Clock
  /** A mistake of ours that no request should be able to cause; it is told to the log and not to the sender. */
  onBug(error: unknown): void
  /** Something that an engineer should know of a listener. */
  onNotice(listener: string, detail: string, bad: boolean): void
}

type Route = (received: Received, actuator: string) => Promise<HttpAnswer>

const ACTUATOR_PATH = /^\/v1\/actuators\/([a-z0-9][a-z0-9-]{0,62})(\/commands|\/reset)?$/

/** The HTTP API: which request is what. The paths are matched as they were sent; nothing is decoded or normalised. */
export class Service implements Handler {
  readonly #parts: ServiceParts
  readonly #routes: Readonly<Record<string, Readonly<Record<string, Route>>>>

  constructor(parts: ServiceParts) {
    this.#parts = parts
    this.#routes = {
      '/healthz': { GET: async () => ({ status: 200, body: { alive: true } }) },
      '/readyz': { GET: async () => this.#readiness() },
      '/v1/status': { GET: received => this.#status(received) },
      '/v1/actuators': { GET: received => this.#read(received, () => viewActuators(parts.condition)) },
      // Of one actuator: no path is like these keys, because a path begins with /.
      actuator: { GET: (received, id) => this.#actuator(received, id) },
      'actuator/commands': {
        POST: async (received, id) => answerCommand(await carryOut(received, id, parts.commands)),
      },
      'actuator/reset': { POST: (received, id) => this.#reset(received, id) },
      '/v1/credentials': {
        GET: received => this.#credentials(received),
        POST: received => this.#issue(received),
      },
      '/v1/keys/rotate': { POST: received => this.#rotate(received) },
      '/v1/revocations': { POST: received => this.#revoke(received) },
    }
  }

  async handle(request: IncomingMessage, response: ServerResponse, channel: Channel): Promise<void> {
    try {
      const received = await receive(request, channel, this.#parts.clock, this.#parts.rates)
      if ('refused' in received) {
        // Not read to its end: the connection cannot be used again. What still comes is let go by.
        response.setHeader('Connection', 'close')
        send(response, await this.#refuse(received.received, received.refused))
        request.resume()
        return
      }
      send(response, await this.#route(received))
    } catch (error) {
      this.#parts.onBug(error)
      if (response.headersSent) return void response.destroy()
      const { refusal } = refuse(
        'internal-error',
        'the agent made a mistake, and has logged it',
        'tell whoever maintains it',
      )
      send(response, answerRefusal(refusal))
    }
  }

  broken(channel: Channel, source: string, refused: Refused): string {
    const { clock } = this.#parts
    const received: Received = {
      stage: 'received',
      channel,
      source,
      method: '',
      authority: '',
      path: '',
      query: '?',
      fields: new Map(),
      body: new Uint8Array(),
      tooEarly: 0,
      arrived: { wall: clock.wall(), monotonic: clock.monotonic() },
    }
    void this.#refuse(received, refused)
    return rawAnswer(answerRefusal(refused.refusal))
  }

  notice(listener: string, detail: string, bad: boolean): void {
    this.#parts.onNotice(listener, detail, bad)
  }

  async #route(received: Received): Promise<HttpAnswer> {
    const [, id = '', action = ''] = ACTUATOR_PATH.exec(received.path) ?? []
    const methods = this.#routes[id === '' ? received.path : `actuator${action}`]
    if (!methods) {
      return await this.#refuse(
        received,
        refuse('not-found', `there is nothing at ${received.path}`, 'docs/ARCHITECTURE.md lists the paths'),
      )
    }
    const route = methods[received.method]
    if (!route) {
      const known = Object.keys(methods).join(', ')
      return await this.#refuse(received, refuse('method-not-allowed', `${received.path} takes ${known}`))
    }
    return await route(received, id)
  }

  async #refuse(received: Received, refused: Refused, aimedAt?: string): Promise<HttpAnswer> {
    await this.#parts.commands.refusals.of(received, refused, aimedAt)
    return answerRefusal(refused.refusal)
  }

  #readiness(): HttpAnswer {
    const list = troubles(this.#parts.condition)
    return { status: list.length === 0 ? 200 : 503, body: { ready: list.length === 0, troubles: list } }
  }

  /** Authenticates a request and counts it, for all that is not a command: those are counted where towards safe is excepted. */
  #authenticate(received: Received): Authenticated | Refused {
    const { commands, rates } = this.#parts
    const authenticated = authenticate(received, commands.authenticator)
    if (authenticated instanceof Refused) return authenticated
    const tooMany = rates.check(authenticated)
    return tooMany ? new Refused(tooMany, authenticated.who) : authenticated
  }

  /** Who may administer credentials: whoever may open the admin socket, undefined here, or one whose credential allows it. */
  #administrator(received: Received): Authenticated | Refused | undefined {
    if (received.channel.admin && !received.fields.has('signature')) return undefined
    const authenticated = this.#authenticate(received)
    if (authenticated instanceof Refused) return authenticated
    return authorizeRequest(authenticated, 'issue') ?? authenticated
  }

  /** Who may read: whoever may open a unix socket, and on other listeners whoever signs with a role that may. */
  #reader(received: Received): Authenticated | Refused | undefined {
    if (received.channel.identity !== undefined && !received.fields.has('signature')) return undefined
    const authenticated = this.#authenticate(received)
    if (authenticated instanceof Refused) return authenticated
    return authorizeRequest(authenticated, 'read') ?? authenticated
  }

  async #read(received: Received, view: () => Promise<Json>): Promise<HttpAnswer> {
    const reader = this.#reader(received)
    if (reader instanceof Refused) return await this.#refuse(received, reader)
    return { status: 200, body: await view() }
  }

  async #status(received: Received): Promise<HttpAnswer> {
    const { condition } = this.#parts
    return await this.#read(received, async () => ({
      ...viewAgent(condition),
      actuators: await viewActuators(condition),
    }))
  }

  async #actuator(received: Received, id: string): Promise<HttpAnswer> {
    const { condition } = this.#parts
    const reader = this.#reader(received)
    if (reader instanceof Refused) return await this.#refuse(received, reader)
    const actuator = condition.actuators.get(id)
    if (!actuator)
      return await this.#refuse(
        received,
        refuse('actuator-unknown', `there is no actuator ${id}`, 'see `holdfast status`'),
      )
    return { status: 200, body: await viewActuator(actuator, condition) }
  }

  async #reset(received: Received, id: string): Promise<HttpAnswer> {
    const authenticated = this.#authenticate(received)
    const cleared =
      authenticated instanceof Refused ? authenticated : await reset(authenticated, id, this.#parts.resets)
    if (cleared instanceof Refused) return await this.#refuse(received, cleared, id)
    const { cause, detail, at } = cleared
    return {
      status: 200,
      body: { outcome: 'reset', actuator: id, cleared: { cause, detail, at: new Date(at).toISOString() } },
    }
  }

  async #rotate(received: Received): Promise<HttpAnswer> {
    const by = this.#administrator(received)
    const rotated = by instanceof Refused ? by : await rotate(received, by, this.#parts.rotator)
    if (rotated instanceof Refused) return await this.#refuse(received, rotated)
    const { generation, keyId, retiresAt, shares } = rotated
    const previousUntil = retiresAt === undefined ? null : new Date(retiresAt).toISOString()
    return { status: 200, body: { generation, key: keyId, previous_until: previousUntil, shares } }
  }

  async #revoke(received: Received): Promise<HttpAnswer> {
    const { commands, revocations, clock } = this.#parts
    const by = this.#administrator(received)
    const revoked =
      by instanceof Refused ? by : await revoke(received, by, revocations, commands.audit, clock)
    if (revoked instanceof Refused) return await this.#refuse(received, revoked)
    return { status: 200, body: { revoked: { ...revoked } } }
  }

  async #credentials(received: Received): Promise<HttpAnswer> {
    const by = this.#administrator(received)
    if (by instanceof Refused) return await this.#refuse(received, by)
    return { status: 200, body: await this.#parts.ledger.list() }
  }

  async #issue(received: Received): Promise<HttpAnswer> {
    const { commands, mint } = this.#parts
    const issuer = this.#administrator(received)
    const minted = issuer instanceof Refused ? issuer : await issue(received, issuer, mint, commands.audit)
    if (minted instanceof Refused) return await this.#refuse(received, minted)
    const { keyid, secret, serial, notAfter } = minted
    return {
      status: 201,
      body: { keyid, secret, serial, not_after: new Date(notAfter * 1000).toISOString() },
    }
  }
}
