import { join } from 'node:path'
import { execa } from 'execa'
import { type Figure, figure, type Run } from './figure.ts'

const SYSTEMD = join(import.meta.dirname, '../deploy/systemd')
/** A service of systemd's own, and one of its less exposed. */
const PEER = '/usr/lib/systemd/system/systemd-hostnamed.service'

/** What our services could do to their host if they were taken over, as systemd counts it: from 0 to 10. Nothing is started. */
export async function measureExposure({ progress }: Run): Promise<Figure[]> {
  progress('asking systemd about the units')
  const ours = (unit: string) => exposureOf(join(SYSTEMD, unit))
  return [
    figure({
      name: 'exposure of a host to the agent’s service',
      unit: 'of 10',
      ours: await ours('holdfast.service'),
      limit: await exposureOf(PEER),
      better: 'less',
      against: 'systemd-hostnamed, a service of systemd’s own, by systemd-analyze security',
      also: {
        verification: await ours('holdfast-verify.service'),
        alarm: await ours('holdfast-alarm@.service'),
      },
    }),
  ]
}

async function exposureOf(unit: string): Promise<number> {
  const { stdout } = await execa('systemd-analyze', ['security', '--offline=true', '--no-pager', unit])
  const [, exposure] = /Overall exposure level for \S+: ([0-9.]+)/.exec(stdout) ?? []
  if (exposure === undefined) throw new Error(`systemd-analyze did not say how exposed ${unit} is`)
  return Number(exposure)
}
