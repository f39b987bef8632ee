import type { Command } from 'commander'
import { configOption, finish } from './options.ts'

/** `holdfast device …`: they ask the devices themselves, and need no running agent. */
export function addDevices(program: Command): void {
  const device = program
    .command('device')
    .description('look at the devices of the plant; writes nothing into them')
  device
    .command('probe')
    .description('read every configured point once and say what came; for commissioning')
    .addOption(configOption())
    .option('--json', 'print JSON')
    .action(async options => finish(await (await import('../../agent/host/probe.ts')).probeDevices(options)))

  device
    .command('trust')
    .description('show the certificate of an OPC UA server, and trust it once its fingerprint was compared')
    .argument('<device>', 'its name in the configuration')
    .addOption(configOption())
    .option('--fingerprint <sha256>', "the certificate's SHA-256, as the server itself shows it")
    .option('--json', 'print JSON')
    .action(async (name, options) =>
      finish(await (await import('../../agent/host/trust-device.ts')).trustDevice(name, options)),
    )

  device
    .command('show')
    .description('say what a device tells about itself')
    .argument('<device>', 'its name in the configuration')
    .addOption(configOption())
    .option('--json', 'print JSON')
    .action(async (name, options) =>
      finish(await (await import('../../agent/host/show-device.ts')).showDevice(name, options)),
    )
}
