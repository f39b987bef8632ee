import { setTimeout as delay } from 'node:timers/promises'
import { whyNoContainer } from '../test/deploy/gateway/ability.ts'
import { BootedGateway, DEB, HARDWARE } from '../test/deploy/gateway/booted-gateway.ts'
import { type Figure, figure, type Run } from './figure.ts'
import { Sample } from './sample.ts'

const HANGS = 5
/** The agent that came is left alone for so long: the next one hangs at another moment between two feedings of the watchdog. */
const CALM_MS = 5700
const US_IN_S = 1_000_000

/**
 * An agent that stands still is ended by systemd's watchdog, and another is started. The installed package in a container that is booted for it,
 * which has this host's processor. Rejects where this host can boot none.
 */
export async function measureHangs({ signal, progress }: Run): Promise<Figure[]> {
  const cannot = await whyNoContainer()
  if (cannot !== undefined) throw new Error(cannot)
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
  const hangs = new Sample(taken)
  return [
    figure({
      name: 'an agent that hangs, until another is ready',
      unit: 's',
      ours: hangs.median,
      limit: Number.parseInt(await gateway.property('WatchdogUSec'), 10),
      better: 'less',
      against:
        'WatchdogSec of the unit, counted from when the agent fed it last. RestartSec (2 s) and a start come on top',
      also: { fastest: hangs.percentile(0), slowest: hangs.percentile(100) },
    }),
  ]
}
