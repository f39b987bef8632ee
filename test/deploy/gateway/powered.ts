import assert from 'node:assert/strict'
import type { Credential } from '../../../model/credential.ts'
import { whyNoDisk } from './ability.ts'
import { PowerCuts } from './power-cuts.ts'
import { PoweredGateway } from './powered-gateway.ts'
import { assertSandboxed } from './sandbox.ts'
import { story } from './story.ts'

// `npm run test:gateway`: the package on a computer of its own, with a kernel, a TPM behind /dev/tpmrm0, and a disk that forgets what was
// not flushed when the power fails. The tests are one story in order.
//
// HOLDFAST_POWER_CUTS=3 cuts the power less often than a release wants, HOLDFAST_SEED=x at other moments.

const CUTS = Number(process.env.HOLDFAST_POWER_CUTS ?? 20)
const SEED = process.env.HOLDFAST_SEED ?? 'power'

let gateway: PoweredGateway
let shares: readonly string[]
let operator: Credential
let engineer: Credential

const began = performance.now()
const say = (text: string) =>
  process.stdout.write(`  ${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s  ${text}\n`)
const sh = (line: string) => gateway.machine.shell(line)
const mainPid = () => sh('systemctl show --property=MainPID --value holdfast')
/** How many pieces of the agent's memory are both: proc(5), maps. */
const writableAndExecutable = async () =>
  Number(await sh(`grep -c ' .wx. ' /proc/${await mainPid()}/maps || true`))
const valveIsTripped = async () => assert.match(await sh('holdfast status'), /inlet-valve .*TRIPPED/i)
/** Switches it on, and says how long it took until the agent was ready. */
async function powerOn(): Promise<void> {
  const on = performance.now()
  await gateway.machine.powerOn()
  const up = performance.now()
  await gateway.isReady()
  say(
    `up ${((up - on) / 1000).toFixed(1)} s, ready ${((performance.now() - on) / 1000).toFixed(1)} s after power-on`,
  )
}
async function openValve(): Promise<void> {
  const answer = await gateway.client(operator).command('inlet-valve', 'open')
  assert.equal(answer.kind, 'answered', JSON.stringify(answer))
  assert.equal(gateway.plant.valve('inlet-valve').isOpen, true)
}

const test = story(
  await whyNoDisk(),
  async () => {
    gateway = await PoweredGateway.make()
    say('the package and the machine are made')
    await gateway.machine.powerOn()
    // Its own agent speaks before the boot is over, and a configuration that came in the middle of it would be taken up.
    await sh('systemctl is-system-running --wait || true')
    say('the machine is up')
  },
  async () => await gateway?.[Symbol.asyncDispose](),
)

test('installed on a bare Debian with a TPM, it starts nothing and says what comes next', async () => {
  assert.match(
    gateway.installing,
    /not started: there is no \/etc\/holdfast\/holdfast\.yaml yet\.\n.*next, as root: holdfast init/,
  )
  assert.equal(await sh('systemctl --failed --plain --no-legend'), '')
  assert.equal(await sh('systemctl show --property=ActiveState --value holdfast'), 'inactive')
  assert.match(await sh('stat --format=%U:%G /dev/tpmrm0'), /^tss:tss$/)
})

test('enrolled in the TPM of this machine, bound to what it was started with', async () => {
  await gateway.putConfig(gateway.config)
  const said = await sh('holdfast check && holdfast enroll --escrow 3-of-5')
  assert.match(said, /Enrolled test\/powered-1: tpm \(resident, sha256:1,7\)/)
  shares = said.split('\n').filter(line => line.startsWith('hf-share-1 '))
  assert.equal(shares.length, 5)
  assert.match(await sh('holdfast tpm status'), /generation 1 .*works/)
  say('enrolled')
})

test('the agent is ready in its time, and a command from outside moves the valve', async () => {
  const start = performance.now()
  // systemd fails this when the agent is not ready within TimeoutStartSec.
  await sh('systemctl start holdfast')
  await gateway.isReady()
  say(`started and ready in ${((performance.now() - start) / 1000).toFixed(1)} s`)
  assert.equal(await sh('systemctl show --property=StatusText --value holdfast'), 'carrying out commands')
  operator = await gateway.issue('olga', 'operator')
  engineer = await gateway.issue('erika', 'engineer')
  await openValve()
})

test('the sandbox holds from the inside, with the TPM as its only device', async () => {
  await assertSandboxed(gateway.machine, await mainPid(), ['/dev/tpmrm0'])
})

test('without a JIT, no memory of the agent is writable and executable, and it works', async () => {
  assert.notEqual(
    await writableAndExecutable(),
    0,
    'with one there is such memory, which is how it is known to be found',
  )
  const folder = '/etc/systemd/system/holdfast.service.d'
  await sh(
    `mkdir -p ${folder}; cp /usr/share/doc/holdfast/examples/drop-ins/no-jit.conf ${folder}; systemctl daemon-reload; systemctl restart holdfast`,
  )
  await gateway.isReady()
  assert.equal(await writableAndExecutable(), 0)
  await openValve()
  await sh(`rm ${folder}/no-jit.conf; systemctl daemon-reload; systemctl restart holdfast`)
  await gateway.isReady()
})

test('an agent that hangs is ended by the watchdog and is back', async () => {
  const hung = await mainPid()
  await sh(`kill -STOP ${hung}`)
  await gateway.machine.until('another agent runs', async () => !['0', hung].includes(await mainPid()))
  await gateway.isReady()
  assert.match(await sh('journalctl --no-pager --output=cat --unit=holdfast'), /Watchdog timeout/)
})

test('a trip is latched over a restart of the machine, and over switching it off and on', async () => {
  const answer = await gateway.client(engineer).trip('inlet-valve', 'test')
  assert.equal(answer.kind, 'answered', JSON.stringify(answer))
  await gateway.machine.reboot()
  await gateway.isReady()
  await valveIsTripped()
  await gateway.machine.shutDown()
  await powerOn()
  await valveIsTripped()
})

test(`${CUTS} power cuts under load: no write without its intent, no acknowledged outcome and no latch lost, and a log that verifies`, async () => {
  const cuts = new PowerCuts(gateway, operator, engineer, SEED)
  for (let cut = 1; cut <= CUTS; cut += 1)
    say(
      `seed ${SEED}, ${cut} of ${CUTS}: ${await cuts.next().catch(error => {
        throw new Error(`seed ${SEED}, power cut ${cut}: ${error.message}`, { cause: error })
      })}`,
    )
  for (const line of cuts.summary) say(line)
  const { writes, acknowledged, toldLatches, lost, deadDisks, unkeptByDeadDisks, refusedForDeadDisks } =
    cuts.tally
  assert.ok(writes > CUTS && acknowledged > 0 && lost > 0, 'the load was one, and the cuts were')
  assert.ok(toldLatches > 0, 'somebody had been told of a trip or a reset at a cut')
  // Where it was tripped when its disk died, all that could be tried was a reset, which is refused.
  assert.ok(
    deadDisks === 0 || unkeptByDeadDisks + refusedForDeadDisks > 0,
    'somebody was told that a dead disk had not taken it',
  )
})

test('started otherwise than it was enrolled, it says so, and the runbook puts the key back', async () => {
  await gateway.machine.shutDown()
  gateway.machine.firmware = '2.0'
  await gateway.machine.powerOn()
  await gateway.machine.until('the agent answers', async () => (await gateway.readiness()) !== undefined)
  assert.equal(await gateway.readiness(), 503)
  const said = await gateway.machine.run('holdfast', 'tpm', 'status')
  assert.match(said.stdout + said.stderr, /cannot be used: sha256:1 was [0-9a-f]+… and is [0-9a-f]+…/)
  assert.match(said.stdout + said.stderr, /holdfast recover/)

  const recovered = await gateway.machine.tell(`${shares.slice(1, 4).join('\n')}\n`, 'holdfast', 'recover')
  assert.match(recovered.stdout, /Recovered test\/powered-1/, recovered.stderr)
  await gateway.isReady()
  assert.match(await sh('holdfast tpm status'), /generation 1 .*works/)
  if ((await sh('holdfast status')).match(/inlet-valve .*TRIPPED/i)) {
    await gateway.client(engineer).acknowledge('inlet-valve')
    await gateway.client(engineer).reset('inlet-valve')
  }
  await openValve()
})

test('an upgrade restarts the agent and keeps what it knows', async () => {
  const former = await mainPid()
  await gateway.client(engineer).trip('inlet-valve', 'test')
  await sh('dpkg --install /holdfast.deb')
  await gateway.isReady()
  assert.notEqual(await mainPid(), former)
  await valveIsTripped()
})

test('purged, it leaves the audit log and the configuration, and no unit', async () => {
  const said = await sh('DEBIAN_FRONTEND=noninteractive dpkg --purge holdfast 2>&1')
  assert.match(said, /\/var\/lib\/holdfast stays, with the audit log/)
  await sh('test -s /var/lib/holdfast/audit.db && test -s /etc/holdfast/holdfast.yaml')
  assert.equal((await gateway.machine.run('systemctl', 'cat', 'holdfast')).exitCode, 1)
  assert.equal(await gateway.readiness(), undefined)
})
