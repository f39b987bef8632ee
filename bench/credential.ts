import { randomBytes } from 'node:crypto'
import { systemClock } from '../agent/time/system-clock.ts'
import { AgentClient } from '../client/agent-client.ts'
import { type Credential, parseKeyId } from '../model/credential.ts'
import { startPlant } from '../simulator/plant.ts'
import { realClock } from '../simulator/real-clock.ts'
import { Block } from './block.ts'
import { type Figure, figure, type Run } from './figure.ts'
import { Gateway } from './gateway.ts'
import { PLANT } from './plant.ts'
import { interleave, Sample, timeEach } from './sample.ts'

const TURN = 10
const TURNS = 15
const REVOCATIONS = 60
const PATIENCE = 10_000

/** How long it takes to issue a credential, and from revoking one to the first request that is refused for it. */
export async function measureCredentials({ signal, progress }: Run): Promise<Figure[]> {
  progress('starting a TPM in software, a plant and an agent')
  await using plant = await startPlant({ plant: PLANT }, { clock: realClock, port: 0 })
  await using gateway = await Gateway.enrol(plant.address)
  await using agent = await gateway.startAgent()
  await using block = await Block.make()
  const reader = (credential: Credential) =>
    new AgentClient(agent.tcp, { credential, deadline: PATIENCE, clock: systemClock, entropy: randomBytes })

  progress('issuing')
  const issued = await interleave(
    TURNS,
    {
      ours: () => timeEach(TURN, () => gateway.issue('olive', 'operator')),
      durable: () => timeEach(TURN, () => block.keep()),
    },
    signal,
  )

  progress(`${REVOCATIONS} revocations`)
  const refused: number[] = []
  const least: number[] = []
  for (let count = 0; count < REVOCATIONS; count += 1) {
    signal.throwIfAborted()
    const credential = await gateway.issue('victor', 'viewer')
    const client = reader(credential)
    const used = await client.status()
    if (used.kind !== 'answered') throw new Error('a credential that nobody revoked does not work')
    refused.push(await revokeAndWait(gateway, client, parseKeyId(credential.keyid)?.serial ?? ''))
    least.push(...(await timeEach(1, () => client.status())))
  }
  const limit = new Sample(least)
  const ours = new Sample(refused)
  return [
    figure({
      name: 'a credential issued, over the admin socket',
      unit: 'ms',
      ours: issued.ours.median,
      limit: issued.durable.median,
      better: 'less',
      against:
        'writing over one block of a file on the same disk and fdatasync: no credential without its record',
      p50: issued.ours.median,
      p99: issued.ours.percentile(99),
    }),
    figure({
      name: 'from revoking a credential to the first refusal of it',
      unit: 'ms',
      ours: ours.median,
      limit: limit.median,
      better: 'less',
      against: 'one more request with the revoked credential, sent and refused',
      p50: ours.median,
      p99: ours.percentile(99),
    }),
  ]
}

/** From asking for the revocation until somebody who uses the credential without pause is refused, in milliseconds. */
async function revokeAndWait(gateway: Gateway, client: AgentClient, serial: string): Promise<number> {
  const began = performance.now()
  const revoking = gateway.admin.revoke({ credential: serial, reason: 'bench' })
  while (performance.now() - began < PATIENCE) {
    const answer = await client.status()
    if (answer.kind !== 'problem' || answer.problem.code !== 'revoked') continue
    const took = performance.now() - began
    if ((await revoking).kind !== 'answered') throw new Error('the revocation was refused')
    return took
  }
  throw new Error('a revoked credential still works')
}
