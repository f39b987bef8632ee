import { randomBytes } from 'node:crypto'
import { EXIT } from '../../model/exit.ts'
import { jsonLine, plain, plainLines } from '../../model/plain.ts'
import { Progress } from '../command/progress.ts'
import { addressOf } from '../config/devices.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblems } from '../config/problem.ts'
import { Devices } from '../devices.ts'
import { systemClock } from '../time/system-clock.ts'

/**
 * `holdfast device show`: asks one device what it is. Writes nothing, and needs no running agent. Exit code 0 when it told, 4
 * when it did not, 2 for the configuration or a name that is not in it.
 */
export async function showDevice(id: string, options: { config: string; json?: boolean }): Promise<number> {
  const loaded = await loadConfig(options.config)
  if (loaded.kind === 'problems') {
    process.stderr.write(plainLines(`${formatProblems(loaded.problems)}\n`))
    return EXIT.usage
  }
  const device = loaded.config.devices.get(id)
  if (!device) {
    const names = [...loaded.config.devices.keys()].join(', ')
    process.stderr.write(plainLines(`${options.config} has no device ${id}; it has: ${names}\n`))
    return EXIT.usage
  }
  // This device alone: the others need not be bothered.
  const alone = { ...loaded.config, devices: new Map([[id, device]]), actuators: new Map() }
  await using devices = new Devices(alone, systemClock, randomBytes, new Progress(systemClock))
  await devices.attempted
  const { identity, connection } = await devices.identify(id, device.timeout * 4)
  const about =
    device.kind === 'opcua'
      ? { device: id, protocol: device.kind, address: device.endpoint.url }
      : { device: id, protocol: device.way.protocol, address: addressOf(device), unit: device.unit }
  const told = identity.kind === 'identity'
  if (options.json) {
    const result = told ? { identity: identity.facts } : { trouble: identity.reason }
    process.stdout.write(jsonLine({ ...about, connection, ...result }))
  } else {
    const rows = Object.entries({ ...about, ...connection, ...(told ? identity.facts : {}) })
    const width = Math.max(...rows.map(([key]) => key.length))
    // A device says what it likes.
    const lines = rows.map(([key, value]) => plain(`${key.padEnd(width)}  ${value}`))
    process.stdout.write(plainLines(`${lines.join('\n')}\n`))
    if (!told) process.stderr.write(plainLines(`${id} does not say what it is: ${plain(identity.reason)}\n`))
  }
  return told ? EXIT.done : EXIT.unproven
}
