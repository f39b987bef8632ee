import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { bareDebian, CACHE, install, PLAIN, within } from './debian.ts'

const DISK_BYTES = 2 ** 31

/** What a bare Debian lacks for being a machine of its own: a kernel (the one for clouds knows no TPM), and hands for these tests. */
const MACHINERY = ['linux-image-amd64', 'tiny-initramfs', 'udev', 'iproute2', 'dbus', 'qemu-guest-agent']
/** What the package depends on. That apt brings it is shown in the container, where a network is near. */
const DEPENDENCIES = ['tpm2-tools', 'libtss2-tcti-device0', 'libatomic1', 'libstdc++6']
/** Loaded at once, and not found one by one, which takes udev long here. */
const MODULES = [
  ...['virtio_pci', 'virtio_blk', 'ext4', 'crc32c_generic'],
  ...['virtio_net', 'virtio_console', 'virtio_rng'],
]

const FILES: Readonly<Record<string, string>> = {
  'etc/hostname': 'gateway\n',
  // Installing is not where the power fails here, and its 3000 files are flushed one by one otherwise.
  'etc/dpkg/dpkg.cfg.d/quick': 'force-unsafe-io\n',
  // The interface is there before systemd is: its module is among MODULES.
  'etc/systemd/system/plant-network.service': `[Unit]
Before=network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip address add 10.0.2.15/24 dev eth0
ExecStart=ip link set eth0 up
ExecStart=ip route add default via 10.0.2.2
[Install]
RequiredBy=network-online.target
`,
  // Devices that somebody here waits for, or that need an owner. A computer in software has a hundred others.
  'etc/systemd/system/systemd-udev-trigger.service.d/few.conf': `[Service]
ExecStart=
ExecStart=-udevadm trigger --type=devices --action=add --subsystem-match=block --subsystem-match=net --subsystem-match=tpm --subsystem-match=tpmrm --subsystem-match=virtio-ports
`,
}
/** What nobody here asks for, and a computer in software takes seconds for. */
const UNWANTED = [
  ...[
    'getty.target',
    'systemd-logind.service',
    'systemd-update-utmp.service',
    'systemd-network-generator.service',
  ],
  ...[
    'apt-daily.timer',
    'apt-daily-upgrade.timer',
    'dpkg-db-backup.timer',
    'e2scrub_all.timer',
    'fstrim.timer',
  ],
  ...[
    'e2scrub_reap.service',
    'modprobe@.service',
    'kmod-static-nodes.service',
    'systemd-modules-load.service',
  ],
  ...['dev-hugepages.mount', 'dev-mqueue.mount', 'sys-kernel-debug.mount', 'sys-kernel-tracing.mount'],
  ...['sys-kernel-config.mount', 'sys-fs-fuse-connections.mount', 'systemd-sysusers.service'],
]

export interface Image {
  readonly kernel: string
  readonly initrd: string
  /** A bare Debian 12, as a tree of files. Machines run on copies. */
  readonly root: string
}

/** A bare Debian 12 that a virtual machine can be started with, and its kernel. Made once for a checkout and recipe. */
export async function machineImage(): Promise<Image> {
  const recipe = JSON.stringify([MACHINERY, DEPENDENCIES, MODULES, FILES, UNWANTED])
  const name = `machine-${createHash('sha256').update(recipe).digest('hex').slice(0, 12)}`
  const folder = join(CACHE, name)
  if (!existsSync(folder)) {
    for (const old of globSync('machine-*', { cwd: CACHE })) rmSync(join(CACHE, old), { recursive: true })
    mkdirSync(`${folder}.new`, { recursive: true })
    await make(`${folder}.new`)
    renameSync(`${folder}.new`, folder)
  }
  return { kernel: join(folder, 'kernel'), initrd: join(folder, 'initrd'), root: join(folder, 'root') }
}

async function make(folder: string): Promise<void> {
  const root = join(folder, 'root')
  await bareDebian(root)
  await install(root, ...MACHINERY, ...DEPENDENCIES)
  const kernel = globSync('boot/vmlinuz-*', { cwd: root })[0]
  if (!kernel) throw new Error('linux-image-amd64 has brought no kernel')
  const modules = `--include-modules=${MODULES.join(',')}`
  const version = kernel.replace('boot/vmlinuz-', '')
  await within(root, 'mktirfs', '-o', '/boot/initrd', '--auto-modules=no', modules, version)
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  await within(root, 'systemctl', 'enable', 'plant-network.service')
  await within(root, 'systemctl', 'mask', ...UNWANTED)
  await within(root, 'apt-get', 'clean')
  rmSync(join(root, 'var/lib/apt/lists'), { recursive: true })
  copyFileSync(join(root, kernel), join(folder, 'kernel'))
  copyFileSync(join(root, 'boot/initrd'), join(folder, 'initrd'))
}

/** Makes a disk, in a file, of a tree of files. */
export async function makeDisk(root: string, file: string): Promise<void> {
  writeFileSync(file, '')
  truncateSync(file, DISK_BYTES)
  const tidy = ['-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0']
  await execa('mkfs.ext4', [...tidy, '-d', root, file], { env: PLAIN })
}
