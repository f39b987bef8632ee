import { copyFileSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { machineFolder } from './ability.ts'
import { Machine } from './machine.ts'
import { makePackage } from './package.ts'

/** Where the package and the unpacked archive lie on it. */
export const DEB = '/root/holdfast.deb'
export const ARCHIVE = '/root/holdfast'
/** What a gateway has in hardware. */
export const HARDWARE = ['swtpm', 'libtss2-tcti-swtpm0']

const TPM = '/run/swtpm/sock'
const TPM_STATE = '/var/lib/plant-tpm'

/** A container that the package is tried on, and what a gateway has around it: a TPM behind a socket, a plant on the same machine. */
export class BootedGateway implements AsyncDisposable {
  readonly machine: Machine
  /** A configuration of it. */
  readonly config = readFileSync(join(import.meta.dirname, 'holdfast.yaml'), 'utf8')

  private constructor(machine: Machine) {
    this.machine = machine
  }

  /** Makes one on which the package and the archive lie; nothing is installed, and it is not booted yet. */
  static async make(): Promise<BootedGateway> {
    const machine = await Machine.make()
    const out = machineFolder('holdfast-deb')
    try {
      const { deb, archive } = await makePackage(out)
      copyFileSync(deb, join(machine.root, DEB))
      const to = join(machine.root, ARCHIVE)
      await execa('mkdir', [to])
      await execa('tar', ['--extract', `--file=${archive}`, `--directory=${to}`, '--strip-components=1'])
      return new BootedGateway(machine)
    } catch (error) {
      await machine[Symbol.asyncDispose]()
      throw error
    } finally {
      rmSync(out, { recursive: true })
    }
  }

  /** Starts the TPM, and the example's plant from `documents`, and waits until both answer. */
  async startSurroundings(documents: string): Promise<void> {
    const mode = 'mode=0660,gid=$(getent group tss | cut -d: -f3)'
    const sockets = `--server type=unixio,path=${TPM},${mode} --ctrl type=unixio,path=${TPM}.ctrl,${mode}`
    await this.machine.shell(
      `mkdir -p $(dirname ${TPM}) ${TPM_STATE}; systemd-run --quiet --unit=tpm swtpm socket --tpm2 --tpmstate dir=${TPM_STATE} ${sockets} --flags not-need-init,startup-clear`,
    )
    await this.machine.shell(
      `systemd-run --quiet --unit=plant holdfast simulate ${documents}/examples/water-treatment/plant.yaml`,
    )
    await this.machine.until('the TPM and the plant answer', async () => {
      const asked = `test -S ${TPM} && journalctl --unit=plant | grep -q 15020`
      return (await this.machine.run('sh', '-c', asked)).exitCode === 0
    })
  }

  putConfig(text: string): void {
    this.machine.write('etc/holdfast/holdfast.yaml', text)
  }

  /** What systemd knows of the agent's unit: systemd.service(5), org.freedesktop.systemd1(5). */
  property(name: string): Promise<string> {
    return this.machine.shell(`systemctl show --property=${name} --value holdfast`)
  }

  /** What systemctl(1) calls the agent: `active`, `inactive`, `activating`, `failed`. */
  async state(): Promise<string> {
    return (await this.machine.run('systemctl', 'is-active', 'holdfast')).stdout
  }

  /** What a unit has said, of all boots; with `only`, of that what has this field. */
  journal(unit: string, only = ''): Promise<string> {
    return this.machine.shell(`journalctl --no-pager --output=cat --unit=${unit} ${only}`)
  }

  /** How often an alarm has told, with the priority of one, that a unit failed. */
  async alarms(unit: string): Promise<number> {
    return (await this.journal(`holdfast-alarm@${unit}`, 'PRIORITY=1')).match(/HAS FAILED/g)?.length ?? 0
  }

  /** Waits until an alarm has told more than `before` times that a unit failed. */
  async hasAlarm(unit: string, before = 0): Promise<void> {
    await this.machine.until(`an alarm tells of ${unit}`, async () => (await this.alarms(unit)) > before)
  }

  async isReady(): Promise<void> {
    await this.machine.until('the agent is active', async () => (await this.state()) === 'active')
  }

  /** Starts the agent anew, with nothing counted against it, and waits until its unit has given up. */
  async givesUp(): Promise<void> {
    await this.machine.run('systemctl', 'stop', 'holdfast')
    await this.machine.run('systemctl', 'reset-failed', 'holdfast')
    await this.machine.run('systemctl', 'start', '--no-block', 'holdfast')
    await this.machine.until('the unit has given up', async () => (await this.state()) === 'failed')
  }

  /** What an engineer is shown who asks for its status. */
  async shown(): Promise<string> {
    return (await this.machine.run('systemctl', 'status', '--no-pager', '--full', 'holdfast')).stdout
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine[Symbol.asyncDispose]()
  }
}
