import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import { machineFolder } from './ability.ts'
import { accelerator } from './accelerator.ts'
import { requireTools, within } from './debian.ts'
import { GuestAgent } from './guest-agent.ts'
import { machineImage, makeDisk } from './image.ts'
import { kernelLine } from './kernel-line.ts'
import type { Answer } from './machine.ts'
import { Monitor } from './monitor.ts'
import { Program } from './program.ts'
import { salvage } from './salvage.ts'
import { SerialLine } from './serial-line.ts'
import { type Remains, VolatileDisk } from './volatile-disk.ts'

/** A computer in software, on a host with other things to do, is ten to thirty times slower than one. */
const BOOT_MS = 900_000
const LOOK_MS = 100

const TOOLS = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-io': 'qemu-utils',
  swtpm: 'swtpm',
  debootstrap: 'debootstrap',
  unshare: 'util-linux',
  'mkfs.ext4': 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  debugfs: 'e2fsprogs',
  'dpkg-deb': 'dpkg',
}

/** The unit's own times, tenfold: they are made for a processor, and one in software is slower by more than that. */
const EMULATED = '[Service]\nTimeoutStartSec=20min\nWatchdogSec=100s\nTimeoutStopSec=10min\n'

/**
 * A gateway in software, complete with a kernel, a TPM behind /dev/tpmrm0, a disk with a write cache and a power switch. Its
 * port for commands is a port of this host; this host is 10.0.2.2 for it.
 */
export class VirtualMachine implements AsyncDisposable {
  readonly #folder: string
  readonly #kernel: readonly string[]
  readonly #disk: VolatileDisk
  #programs: readonly Program[] = []
  #guest: GuestAgent | undefined
  #serial: SerialLine | undefined
  #port = 0
  /** The version that its firmware gives, in what it measures into PCR 1 (SMBIOS, type 0). */
  firmware = '1.0'

  private constructor(folder: string, kernel: readonly string[], disk: VolatileDisk) {
    this.#folder = folder
    this.#kernel = kernel
    this.#disk = disk
  }

  /**
   * Makes one on which a package was installed, and lies as /holdfast.deb; not switched on yet. Also returns what dpkg said. (The
   * package is installed from outside, as in the container: inside, 3000 files take minutes.)
   */
  static async make(deb: string): Promise<{ machine: VirtualMachine; installing: string }> {
    requireTools(TOOLS)
    const image = await machineImage()
    const means = await accelerator(image.kernel)
    const folder = machineFolder('hf-vm')
    mkdirSync(join(folder, 'tpm'))
    const root = join(folder, 'root')
    await execa('cp', ['--archive', image.root, root])
    copyFileSync(deb, join(root, 'holdfast.deb'))
    const installing = await within(root, 'dpkg', '--install', '/holdfast.deb')
    if (means === 'tcg') {
      mkdirSync(join(root, 'etc/systemd/system/holdfast.service.d'))
      writeFileSync(join(root, 'etc/systemd/system/holdfast.service.d/emulated.conf'), EMULATED)
    }
    const file = join(folder, 'disk')
    await makeDisk(root, file)
    rmSync(root, { recursive: true })
    const kernel = [
      '-accel',
      means,
      '-kernel',
      image.kernel,
      '-initrd',
      image.initrd,
      '-append',
      kernelLine(),
    ]
    const disk = await VolatileDisk.serve(file, join(folder, 'disk.sock'))
    return { machine: new VirtualMachine(folder, kernel, disk), installing }
  }

  /** Where its port 8440 is reached from here. */
  get address(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** What it said on its serial line since it was switched on. */
  get console(): string {
    return this.#serial?.text ?? ''
  }

  /** Switches it on, and waits until its systemd has started what there is to ask it things. */
  async powerOn(): Promise<void> {
    await this.switchOn()
    await this.isUp()
  }

  /** Switches it on. */
  async switchOn(): Promise<void> {
    if (this.isOn) throw new Error('it is on')
    const socket = (name: string) => join(this.#folder, name)
    for (const name of ['tpm.sock', 'monitor', 'guest']) rmSync(socket(name), { force: true })
    this.#serial?.[Symbol.dispose]()
    this.#serial = new SerialLine(socket('console'))
    const tpm = this.#run('swtpm', [
      ...['socket', '--tpm2', '--tpmstate', `dir=${socket('tpm')}`],
      ...['--ctrl', `type=unixio,path=${socket('tpm.sock')}`],
    ])
    this.#programs = [tpm]
    await tpm.hasMade(socket('tpm.sock'))
    const machine = this.#run('qemu-system-x86_64', [
      ...['-machine', 'q35', '-smp', '2', '-m', '1024'],
      ...['-nodefaults', '-no-user-config', '-display', 'none'],
      ...['-smbios', `type=0,vendor=holdfast,version=${this.firmware}`],
      ...this.#kernel,
      ...['-serial', `file:${socket('console')}`],
      ...['-qmp', `unix:${socket('monitor')},server=on,wait=off`],
      ...['-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci'],
      ...['-chardev', `socket,id=guest,path=${socket('guest')},server=on,wait=off`],
      ...['-device', 'virtserialport,chardev=guest,name=org.qemu.guest_agent.0'],
      ...['-chardev', `socket,id=tpm,path=${socket('tpm.sock')}`],
      ...['-tpmdev', 'emulator,id=tpm0,chardev=tpm', '-device', 'tpm-tis,tpmdev=tpm0'],
      ...['-drive', `file=nbd+unix:///?socket=${this.#disk.path},format=raw,if=none,id=disk,cache=writeback`],
      ...['-device', 'virtio-blk-pci,drive=disk'],
      ...['-netdev', 'user,id=plant,hostfwd=tcp:127.0.0.1:0-10.0.2.15:8440'],
      ...['-device', 'virtio-net-pci,netdev=plant,romfile='],
    ])
    this.#programs = [machine, tpm]
    await machine.hasMade(socket('guest'))
    await machine.answers(this.#findPort())
  }

  /** Waits until it can be asked things. */
  async isUp(): Promise<void> {
    const connecting = GuestAgent.connect(join(this.#folder, 'guest'), AbortSignal.timeout(BOOT_MS)).catch(
      error => {
        throw new Error(`it has not booted: ${error}\n${this.console.slice(-4000)}`)
      },
    )
    this.#guest = await this.whileAlive(connecting)
  }

  /** What `work` comes to. Rejects as soon as the machine's kernel has died, with its last lines. */
  whileAlive<T>(work: Promise<T>): Promise<T> {
    return this.#serial?.whileAlive(work) ?? work
  }

  /** Its disk loses power right after so many more writes, and says nothing any more; resolves then. `cut` is to follow. */
  diskSilentAfter(writes: number): Promise<void> {
    return this.#disk.silentAfter(writes)
  }

  /** Its disk dies: it fails all that it is asked from now on, and works again after the `cut` that is to follow. */
  diskDies(): void {
    this.#disk.die()
  }

  /** Its disk fails so many of its next writes, and goes on. */
  diskAils(writes: number): void {
    this.#disk.ail(writes)
  }

  /** The power fails, at this moment; `isKept` as for VolatileDisk.forget. */
  async cut(isKept: () => boolean): Promise<Remains> {
    // The disk first: nothing that is on its way to it arrives. The machine hears of no error, however long its own end takes.
    this.#disk.fallSilent()
    await this.#end()
    return this.#disk.forget(isKept)
  }

  /** Ends it as its administrator would, and waits until it is off. */
  async shutDown(): Promise<void> {
    if (!this.isOn) return
    const [machine] = this.#programs
    // It may be off before it has said that it will.
    await this.run('systemctl', '--no-block', 'poweroff').catch(() => undefined)
    if (machine) await this.whileAlive(machine.hasEnded(BOOT_MS))
    await this.#end()
  }

  /** Restarts it as its administrator would, and waits until it can be asked things again. */
  async reboot(): Promise<void> {
    using monitor = await this.#monitor()
    const hasRestarted = monitor.event('RESET')
    // It may be gone before it has said that it will.
    const asked = this.run('systemctl', '--no-block', 'reboot').catch(() => undefined)
    await this.whileAlive(hasRestarted)
    this.#guest?.[Symbol.dispose]()
    await asked
    await this.isUp()
  }

  /** Takes files off its disk while it is off, into `folder`, as they are. */
  async salvage(paths: readonly string[], folder: string): Promise<void> {
    if (this.isOn) throw new Error('it is on')
    await salvage(join(this.#folder, 'disk'), paths, folder)
  }

  get isOn(): boolean {
    return this.#programs.some(({ isRunning }) => isRunning)
  }

  /** Runs a program in it, as root. Throws when it is off, or goes off meanwhile. */
  run(...command: readonly string[]): Promise<Answer> {
    return this.tell('', ...command)
  }

  /** The same, with something on its standard input. */
  tell(input: string, ...command: readonly string[]): Promise<Answer> {
    if (!this.#guest) return Promise.reject(new Error('the machine is off'))
    return this.whileAlive(this.#guest.run(command, input))
  }

  /** Runs a line of shell in it, as root; throws when that fails. */
  async shell(line: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run('sh', '-ec', line)
    if (exitCode !== 0) throw new Error(`${line}: exit code ${exitCode}\n${stdout}\n${stderr}`)
    return stdout
  }

  /** Waits until something is so. Throws, with what it was, after a quarter of an hour, or when the machine has gone off by itself. */
  async until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + BOOT_MS
    while (!(await this.whileAlive(isSo()))) {
      for (const program of this.#programs) program.mustRun()
      if (performance.now() > deadline)
        throw new Error(`waited for a quarter of an hour, and not yet: ${what}`)
      await delay(LOOK_MS)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end()
    this.#serial?.[Symbol.dispose]()
    await this.#disk[Symbol.asyncDispose]()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #run(program: string, words: readonly string[]): Program {
    return new Program(program, words, join(this.#folder, `${program}.log`))
  }

  async #findPort(): Promise<void> {
    using monitor = await this.#monitor()
    const said = await monitor.execute('human-monitor-command', { 'command-line': 'info usernet' })
    this.#port = Number(/HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)/.exec(String(said))?.[1])
    if (!this.#port) throw new Error(`qemu forwards no port: ${said}`)
  }

  async #monitor(): Promise<Monitor> {
    const monitor = await Monitor.connect(join(this.#folder, 'monitor'))
    await monitor.execute('qmp_capabilities')
    return monitor
  }

  async #end(): Promise<void> {
    this.#guest?.[Symbol.dispose]()
    this.#guest = undefined
    for (const program of this.#programs) await program[Symbol.asyncDispose]()
    this.#programs = []
  }
}
