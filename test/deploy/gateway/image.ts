import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { bareDebian, CACHE, install, PLAIN, within } from './debian.ts'

const SIZE = 2 ** 31

/** What a bare Debian lacks for being a machine of its own: a kernel (the one for clouds knows no TPM), and hands for these tests. */
const MACHINERY = ['linux-image-amd64', 'tiny-initramfs', 'udev', 'dbus', 'qemu-guest-agent']
/** What the package depends on. That apt brings it is shown in the container, where a network is near. */
const DEPENDENCIES = ['tpm2-tools', 'libtss2-tcti-device0', 'libatomic1', 'libstdc++6']
const DISK_MODULES = ['virtio_pci', 'virtio_blk', 'ext4', 'crc32c_generic']

const FILES: Readonly<Record<string, string>> = {
  'etc/hostname': 'gateway\n',
  'etc/systemd/network/10-plant.network':
    '[Match]\nDriver=virtio_net\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n',
}
/** What nobody here asks for, and a computer in software takes seconds for. */
const UNWANTED = [
  ...['getty.target', 'systemd-logind.service', 'systemd-update-utmp.service', 'modprobe@drm.service'],
  ...[
    'apt-daily.timer',
    'apt-daily-upgrade.timer',
    'dpkg-db-backup.timer',
    'e2scrub_all.timer',
    'fstrim.timer',
  ],
]

export interface Image {
  readonly kernel: string
  readonly initrd: string
  /** The disk as it was before the machine was ever on. Machines run on copies. */
  readonly disk: string
}

/** A disk with a bare Debian 12 on it, and its kernel. Made once for a checkout and recipe. */
export async function machineImage(): Promise<Image> {
  const recipe = JSON.stringify([SIZE, MACHINERY, DEPENDENCIES, DISK_MODULES, FILES, UNWANTED])
  const name = `machine-${createHash('sha256').update(recipe).digest('hex').slice(0, 12)}`
  const folder = join(CACHE, name)
  if (!existsSync(folder)) await make(folder)
  for (const other of globSync('machine-*', { cwd: CACHE }))
    if (other !== name) rmSync(join(CACHE, other), { recursive: true })
  return { kernel: join(folder, 'kernel'), initrd: join(folder, 'initrd'), disk: join(folder, 'disk') }
}

async function make(folder: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'holdfast-image-'))
  try {
    const root = join(work, 'root')
    await bareDebian(root)
    await install(root, ...MACHINERY, ...DEPENDENCIES)
    const kernel = globSync('boot/vmlinuz-*', { cwd: root })[0]
    if (!kernel) throw new Error('linux-image-amd64 has brought no kernel')
    const modules = `--include-modules=${DISK_MODULES.join(',')}`
    const version = kernel.replace('boot/vmlinuz-', '')
    await within(root, 'mktirfs', '-o', '/boot/initrd', '--auto-modules=no', modules, version)
    for (const [path, text] of Object.entries(FILES)) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    await within(root, 'systemctl', 'enable', 'systemd-networkd.service')
    await within(root, 'systemctl', 'mask', ...UNWANTED)
    await within(root, 'apt-get', 'clean')
    rmSync(join(root, 'var/lib/apt/lists'), { recursive: true })

    const made = join(work, 'made')
    mkdirSync(made)
    copyFileSync(join(root, kernel), join(made, 'kernel'))
    copyFileSync(join(root, 'boot/initrd'), join(made, 'initrd'))
    const disk = join(made, 'disk')
    writeFileSync(disk, '')
    truncateSync(disk, SIZE)
    await execa('mkfs.ext4', ['-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0', '-d', root, disk], {
      env: PLAIN,
    })
    mkdirSync(CACHE, { recursive: true })
    await execa('cp', ['--recursive', '--sparse=always', made, `${folder}.new`])
    renameSync(`${folder}.new`, folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
