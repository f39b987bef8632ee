import { setTimeout as delay } from 'node:timers/promises'
import { whyNoContainer, whyNoDisk } from '../test/deploy/gateway/ability.ts'
import { BootedGateway, DEB, HARDWARE } from '../test/deploy/gateway/booted-gateway.ts'
import { PoweredGateway } from '../test/deploy/gateway/powered-gateway.ts'
import { type Figure, figure, type Run } from './figure.ts'
import { Sample } from './sample.ts'

const HANGS = 5
/** The agent that came is left alone for so long: the next one hangs at another moment between two feedings of the watchdog. */
const CALM_MS = 5700
const BOOTS = 3
const US_IN_S = 1_000_000

/** What the installed package takes on machines that are booted for it: from a hang to ready, and from power-on to ready. */
export async function measureMachine(run: Run): Promise<Figure[]> {
  return [await measureHangs(run), await measurePowerOns(run)]
}

/** An agent that stands still is ended by systemd's watchdog, and another is started. In a container, which has this host's processor. */
async function measureHangs({ signal, progress }: Run): Promise<Figure> {
  mustBeAble(await whyNoContainer())
  progress('making the package, and a container with it')
  await using gateway = await BootedGateway.make()
  const { machine } = gateway
  await machine.install(DEB, ...HARDWARE)
  await machine.boot()
  await gateway.startSurroundings('/usr/share/doc/holdfast')
  gateway.putConfig(gateway.config)
  await machine.shell('holdfast check && holdfast enroll && systemctl start holdfast')

  const taken: number[] = []
  for (let hang = 1; hang <= HANGS; hang += 1) {
    signal.throwIfAborted()
    progress(`hang ${hang} of ${HANGS}`)
    await delay(CALM_MS)
    const hung = await gateway.property('MainPID')
    // Seconds of the clock that systemd's timestamps are of, where nothing suspends: proc_uptime(5).
    const [since = ''] = (await machine.shell(`cat /proc/uptime; kill -STOP ${hung}`)).split(' ')
    await machine.until('another runs', async () => !['0', hung].includes(await gateway.property('MainPID')))
    await gateway.isReady()
    taken.push(Number(await gateway.property('ActiveEnterTimestampMonotonic')) / US_IN_S - Number(since))
  }
  return secondsOf(
    'an agent that hangs, until another is ready',
    new Sample(taken),
    Number.parseInt(await gateway.property('WatchdogUSec'), 10),
    'WatchdogSec of the unit. Less is there by chance: what counts is the time since the watchdog was fed last. RestartSec (2 s) and a start come on top',
  )
}

/** A gateway that is switched on. Its processor is one in software, so the seconds are long ones. */
async function measurePowerOns({ signal, progress }: Run): Promise<Figure> {
  mustBeAble(await whyNoDisk())
  progress('making the package, and a computer in software with it')
  await using gateway = await PoweredGateway.make()
  const { machine } = gateway
  await machine.powerOn()
  await machine.shell('systemctl is-system-running --wait || true')
  await gateway.putConfig(gateway.config)
  await machine.shell('holdfast check && holdfast enroll && systemctl start holdfast')
  await gateway.isReady()

  const up: number[] = []
  const ready: number[] = []
  for (let boot = 1; boot <= BOOTS; boot += 1) {
    signal.throwIfAborted()
    progress(`power-on ${boot} of ${BOOTS}`)
    await machine.shutDown()
    const on = performance.now()
    await machine.powerOn()
    up.push((performance.now() - on) / 1000)
    await gateway.isReady()
    ready.push((performance.now() - on) / 1000)
  }
  return secondsOf(
    'power-on until the agent answers that it is ready, over the network',
    new Sample(ready),
    new Sample(up).median,
    'the same power-on until the machine can be asked things (qemu-guest-agent). Kernel, TPM and programs run in an emulated processor',
  )
}

function mustBeAble(cannot: string | undefined): void {
  if (cannot !== undefined) throw new Error(cannot)
}

function secondsOf(name: string, ours: Sample, limit: number, against: string): Figure {
  const also = { fastest: ours.percentile(0), slowest: ours.percentile(100) }
  return figure({ name, unit: 's', ours: ours.median, limit, better: 'less', against, also })
}
