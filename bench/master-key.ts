import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { execa } from 'execa'
import { epochMessage } from '../agent/credential/chain.ts'
import type { MasterKey } from '../agent/credential/master-key.ts'
import { enrollTpm } from '../agent/credential/tpm/enrolment.ts'
import type { TpmMode } from '../agent/credential/tpm/key-record.ts'
import { openTpmMasterKey } from '../agent/credential/tpm/master-key.ts'
import { systemClock } from '../agent/time/system-clock.ts'
import { AgentClient } from '../client/agent-client.ts'
import { parseKeyId } from '../model/credential.ts'
import { startPlant } from '../simulator/plant.ts'
import { realClock } from '../simulator/real-clock.ts'
import { startTpm } from '../simulator/tpm.ts'
import { type Figure, figure, type Run } from './figure.ts'
import { Folder } from './folder.ts'
import { Gateway } from './gateway.ts'
import { PLANT } from './plant.ts'
import { interleave, type Sample, timeEach } from './sample.ts'

const TURNS = 12
const ROTATIONS = 5
const DEADLINE = 30_000
const OF = { environment: 'bench', gateway: 'bench-1', generation: 1 }

const AGAINST =
  'one tpm2_getrandom: starting one of tpm2-tools and asking the TPM once. The TPM is one in software; hardware is slower in both'

/** What the master key's uses cost: an epoch key, in each mode, and a rotation while the agent runs. */
export async function measureMasterKey(run: Run): Promise<Figure[]> {
  return [...(await measureEpochKeys(run)), await measureRotation(run)]
}

async function measureEpochKeys({ signal, progress }: Run): Promise<Figure[]> {
  progress('starting a TPM in software')
  await using folder = await Folder.make()
  await using tpm = await startTpm({ dir: join(folder.path, 'tpm') })
  const open = async (mode: TpmMode): Promise<MasterKey> => {
    const access = { tcti: tpm.tcti, stateDir: join(folder.path, mode) }
    const enrolled = await enrollTpm({
      ...access,
      mode,
      pcrs: 'sha256:7',
      entropy: randomBytes,
      clock: systemClock,
      signal: AbortSignal.timeout(DEADLINE),
    })
    if (enrolled.kind !== 'enrolled') throw new Error(`${mode}: ${enrolled.detail}`)
    return await openTpmMasterKey(access)
  }
  const keys = { resident: await open('resident'), sealed: await open('sealed') }
  const derive = (key: MasterKey) => () =>
    timeEach(1, async epoch => {
      const answer = await key.hmac(epochMessage({ ...OF, epoch }), AbortSignal.timeout(DEADLINE))
      if (answer.kind !== 'mac') throw new Error(answer.detail)
    })
  const bare = () => timeEach(1, () => askOnce(tpm.tcti))
  progress('deriving epoch keys')
  const times = await interleave(
    TURNS,
    { resident: derive(keys.resident), sealed: derive(keys.sealed), bare },
    signal,
  )
  const epochKey = (mode: TpmMode) =>
    timeFigure(`an epoch key from the TPM, ${mode}`, times[mode], times.bare)
  return [epochKey('resident'), epochKey('sealed')]
}

async function measureRotation({ signal, progress }: Run): Promise<Figure> {
  progress('starting a plant and an agent')
  await using plant = await startPlant({ plant: PLANT }, { clock: realClock, port: 0 })
  await using gateway = await Gateway.enrol(plant.address)
  await using agent = await gateway.startAgent()
  await using folder = await Folder.make()
  await using tpm = await startTpm({ dir: join(folder.path, 'tpm') })
  const rotate = async (): Promise<void> => {
    const rotated = await gateway.admin.rotate()
    if (rotated.kind !== 'answered') throw new Error(`no rotation: ${JSON.stringify(rotated)}`)
    const { generation } = rotated.body as { generation: number }
    const credential = await gateway.issue('olive', 'operator')
    if (parseKeyId(credential.keyid)?.generation !== generation) throw new Error('the old key still issues')
    const clock = systemClock
    const client = new AgentClient(agent.tcp, { credential, deadline: DEADLINE, clock, entropy: randomBytes })
    if ((await client.status()).kind !== 'answered') throw new Error('a credential of the new key is refused')
  }
  progress(`${ROTATIONS} rotations`)
  const times = await interleave(
    ROTATIONS,
    { ours: () => timeEach(1, rotate), bare: () => timeEach(1, () => askOnce(tpm.tcti)) },
    signal,
  )
  return timeFigure(
    'a rotation, until a credential of the new key was issued and used',
    times.ours,
    times.bare,
  )
}

async function askOnce(tcti: string): Promise<void> {
  await execa('tpm2_getrandom', ['--hex', '32'], { env: { TPM2TOOLS_TCTI: tcti }, stdin: 'ignore' })
}

function timeFigure(name: string, ours: Sample, limit: Sample): Figure {
  return figure({
    name,
    unit: 'ms',
    ours: ours.median,
    limit: limit.median,
    better: 'less',
    against: AGAINST,
    also: { fastest: ours.percentile(0), slowest: ours.percentile(100) },
  })
}
