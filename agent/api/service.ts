import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Json } from '../../model/json.ts'
import type { Clock } from '../../model/time.ts'
import { latencyOf } from '../command/accepted.ts'
import type { Attending } from '../command/attend-alarm.ts'
import type { Locking } from '../command/lock-out.ts'
import { type Commands, carryOut } from '../command/pipeline.ts'
import type { Rates } from '../command/rates.ts'
import { receive } from '../command/receive.ts'
import type { Channel, Received } from '../command/received.ts'
import { Refused, refuse } from '../command/refused.ts'
import { Administration, type AdministrationParts } from './administration.ts'
import { AlarmAnswers, viewAlarm } from './alarm-answers.ts'
import { answerCommand, answerRefusal, type HttpAnswer, rawAnswer, send, viewUnkept } from './answers.ts'
import { Callers } from './callers.ts'
import { type InterventionParts, Interventions } from './interventions.ts'
import type { Handler } from './listener.ts'
import { answerMetrics, type MetricsParts } from './metrics.ts'
import type { PanelFiles } from './panel.ts'
import { Precautions } from './precautions.ts'
import { type Condition, troubles, viewActuator, viewActuators, viewAgent } from './status.ts'

export interface ServiceParts {
  readonly commands: Commands
  readonly locking: Locking
  readonly interventions: InterventionParts
  readonly administration: AdministrationParts
  readonly attending: Attending
  readonly metrics: MetricsParts
  /** Where a listener serves it. */
  readonly panel: PanelFiles | undefined
  readonly condition: Condition
  readonly rates: Rates
  readonly clock: Clock
  /** A mistake of ours that no request should be able to cause; it is told to the log and not to the sender. */
  onBug(error: unknown): void
  /** Something that an engineer should know of a listener. */
  onNotice(listener: string, detail: string, bad: boolean): void
}

type Route = (received: Received, actuator: string) => Promise<HttpAnswer>

const ACTUATOR_PATH =
  /^\/v1\/actuators\/([a-z0-9][a-z0-9-]{0,62})(\/commands|\/select|\/trip|\/acknowledge|\/reset|\/heartbeat|\/lockout|\/unlock)?$/

/** The HTTP API: which request is what. The paths are matched as they were sent; nothing is decoded or normalised. */
export class Service implements Handler {
  readonly #parts: ServiceParts
  readonly #callers: Callers
  readonly #routes: Readonly<Record<string, Readonly<Record<string, Route>>>>

  constructor(parts: ServiceParts) {
    this.#parts = parts
    this.#callers = new Callers(parts.commands.authenticator, parts.rates)
    const administration = new Administration(this.#callers, parts.administration)
    const interventions = new Interventions(this.#callers, parts.interventions)
    const precautions = new Precautions(this.#callers, parts.commands, parts.locking)
    const alarms = new AlarmAnswers(this.#callers, parts.attending)
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
      'actuator/select': {
        POST: (received, id) => this.#orRefuse(received, precautions.select(received, id), id),
      },
      'actuator/lockout': {
        POST: (received, id) => this.#orRefuse(received, precautions.lockOut(received, id), id),
      },
      'actuator/unlock': {
        POST: (received, id) => this.#orRefuse(received, precautions.unlock(received, id), id),
      },
      'actuator/trip': {
        POST: (received, id) => this.#orRefuse(received, interventions.trip(received, id), id),
      },
      'actuator/acknowledge': {
        POST: (received, id) => this.#orRefuse(received, interventions.acknowledge(received, id), id),
      },
      'actuator/reset': {
        POST: (received, id) => this.#orRefuse(received, interventions.reset(received, id), id),
      },
      'actuator/heartbeat': {
        POST: (received, id) => this.#orRefuse(received, interventions.heartbeat(received, id), id),
      },
      '/v1/alarms': {
        GET: received =>
          this.#read(received, async () => ({ alarms: parts.attending.alarms.list.map(viewAlarm) })),
      },
      '/v1/alarms/acknowledge': {
        POST: received => this.#orRefuse(received, alarms.acknowledge(received)),
      },
      '/v1/alarms/shelve': { POST: received => this.#orRefuse(received, alarms.shelve(received)) },
      '/v1/alarms/unshelve': { POST: received => this.#orRefuse(received, alarms.unshelve(received)) },
      '/metrics': { GET: received => this.#metrics(received) },
      '/v1/roles': { GET: received => this.#read(received, async () => this.#roles()) },
      '/v1/credentials': {
        GET: received => this.#orRefuse(received, administration.credentials(received)),
        POST: received => this.#orRefuse(received, administration.issue(received)),
      },
      '/v1/revocations': { POST: received => this.#orRefuse(received, administration.revoke(received)) },
      '/v1/keys/rotate': { POST: received => this.#orRefuse(received, administration.rotate(received)) },
      '/v1/break-glass/seal': {
        POST: received => this.#orRefuse(received, administration.sealGlass(received)),
      },
      '/v1/suspensions/lift': {
        POST: received => this.#orRefuse(received, administration.liftSuspension(received)),
      },
      '/v1/listeners/open': {
        POST: received => this.#orRefuse(received, administration.openListener(received)),
      },
      '/v1/clock/accept': {
        POST: received => this.#orRefuse(received, administration.acceptClock(received)),
      },
      '/v1/break-glass/close': {
        POST: received => this.#orRefuse(received, administration.closeGlass(received)),
      },
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
    const page = received.channel.panel && this.#parts.panel?.answer(received)
    if (page) return page instanceof Refused ? await this.#refuse(received, page) : page
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

  async #orRefuse(
    received: Received,
    answer: Promise<HttpAnswer | Refused>,
    aimedAt?: string,
  ): Promise<HttpAnswer> {
    const given = await answer
    return given instanceof Refused ? await this.#refuse(received, given, aimedAt) : given
  }

  async #refuse(received: Received, refused: Refused, aimedAt?: string): Promise<HttpAnswer> {
    await this.#parts.commands.refusals.of(received, refused, aimedAt, {
      latency: latencyOf(received, this.#parts.clock),
    })
    return answerRefusal(refused.refusal, viewUnkept(refused.unkept))
  }

  #readiness(): HttpAnswer {
    const list = troubles(this.#parts.condition)
    return { status: list.length === 0 ? 200 : 503, body: { ready: list.length === 0, troubles: list } }
  }

  async #read(received: Received, view: () => Promise<Json>): Promise<HttpAnswer> {
    const reader = this.#callers.reader(received)
    if (reader instanceof Refused) return await this.#refuse(received, reader)
    return { status: 200, body: await view() }
  }

  async #metrics(received: Received): Promise<HttpAnswer> {
    return await this.#orRefuse(received, answerMetrics(received, this.#callers, this.#parts.metrics))
  }

  #roles(): Json {
    const { roles } = this.#parts.administration.issuing
    return { roles: [...roles].map(([role, may]) => ({ role, may: [...may] })) }
  }

  async #status(received: Received): Promise<HttpAnswer> {
    const { condition } = this.#parts
    return await this.#read(received, async () => ({
      ...(await viewAgent(condition)),
      actuators: await viewActuators(condition),
    }))
  }

  async #actuator(received: Received, id: string): Promise<HttpAnswer> {
    const { condition } = this.#parts
    const reader = this.#callers.reader(received)
    if (reader instanceof Refused) return await this.#refuse(received, reader)
    const actuator = condition.actuators.get(id)
    if (!actuator)
      return await this.#refuse(
        received,
        refuse('actuator-unknown', `there is no actuator ${id}`, 'see `holdfast status`'),
      )
    return { status: 200, body: await viewActuator(actuator, condition) }
  }
}
