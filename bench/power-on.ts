import { whyNoDisk } from '../test/deploy/gateway/ability.ts'
import { PoweredGateway } from '../test/deploy/gateway/powered-gateway.ts'
import { type Figure, figure, type Run } from './figure.ts'
import { Sample } from './sample.ts'

const BOOTS = 3

/**
 * A gateway that is switched on, with the installed package: a computer in software, so its seconds are long ones. Rejects where this host can
 * make none.
 */
export async function measurePowerOns({ signal, progress }: Run): Promise<Figure[]> {
  const cannot = await whyNoDisk()
  if (cannot !== undefined) throw new Error(cannot)
  progress('making the package, and a computer in software with it')
  await using gateway = await PoweredGateway.make()
  const { machine } = gateway
  signal.throwIfAborted()
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
  const whole = new Sample(ready)
  return [
    figure({
      name: 'power-on until the agent says over the network that it is ready',
      unit: 's',
      ours: whole.median,
      limit: new Sample(up).median,
      better: 'less',
      against: 'the same power-on until the machine itself can be asked things (qemu-guest-agent)',
      also: { fastest: whole.percentile(0), slowest: whole.percentile(100) },
    }),
  ]
}
