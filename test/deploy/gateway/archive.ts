import assert from 'node:assert/strict'
import { join } from 'node:path'
import { execa } from 'execa'
import { EXIT } from '../../../model/exit.ts'
import { whyNoContainer } from './ability.ts'
import { ARCHIVE, BootedGateway, DEB, HARDWARE } from './booted-gateway.ts'
import type { Machine } from './machine.ts'
import { story } from './story.ts'

// `npm run test:gateway`: the archive for systems without Debian's packages, on a machine that was really booted; and everything that
// keeps the agent from starting, as its unit shows it. The tests are one story in order.

let gateway: BootedGateway
let machine: Machine
let lacking: { exitCode: number | undefined; stderr: string }

const INSTALL = join(ARCHIVE, 'install.sh')
const UNINSTALL = '/usr/local/lib/holdfast/uninstall.sh'
const STATE = '/var/lib/holdfast'

/** What is there: programs, units and configuration with their times; of the state, which the running agent goes on writing, whose each file is. */
const fingerprint = () =>
  machine.shell(
    `find /usr/local /etc/systemd /etc/holdfast ${STATE}/revocations.json -printf '%p %m %u %s %T@\\n' | sort; find ${STATE} -name '*.json' -printf '%p %m %u\\n' | sort`,
  )

const test = story(
  await whyNoContainer(),
  async () => {
    gateway = await BootedGateway.make()
    machine = gateway.machine
    const { exitCode, stderr } = await execa('chroot', [machine.root, INSTALL], { reject: false })
    lacking = { exitCode, stderr }
    await machine.install('libatomic1', 'tpm2-tools', 'libtss2-tcti-device0', ...HARDWARE)
    await machine.boot()
  },
  async () => await gateway?.[Symbol.asyncDispose](),
)

test('on a host that lacks something it says all of it at once, and changes nothing', async () => {
  assert.equal(lacking.exitCode, 3)
  assert.match(lacking.stderr, /nothing was changed:\n {2}- libatomic\.so\.1: the package libatomic1/)
  assert.match(lacking.stderr, /\n {2}- tpm2-tools 5\.0 or later/)
  assert.equal(await machine.shell('ls /usr/local/lib /etc/holdfast 2>/dev/null || true'), '/usr/local/lib:')
})

test('installed, it makes its user and folders, starts nothing, and says what comes next', async () => {
  const said = await machine.shell(INSTALL)
  assert.match(
    said,
    /not started: there is no \/etc\/holdfast\/holdfast\.yaml yet\n.*next, as root: holdfast init/,
  )
  assert.equal(await gateway.state(), 'inactive')
  assert.equal((await machine.run('systemctl', 'is-enabled', 'holdfast')).stdout, 'enabled')
  assert.equal(
    await machine.shell('id --name --user holdfast; id --name --groups holdfast'),
    'holdfast\nholdfast tss',
  )
  assert.equal(await machine.shell(`stat -c '%U %a' ${STATE}`), 'holdfast 700')
  assert.match(await machine.shell('holdfast --version'), /^[0-9.]+$/)
})

test('where a tool of systemd is not there, the user is made with useradd, the same', async () => {
  await machine.shell(
    'userdel holdfast; groupdel holdfast 2>/dev/null || true; chmod -x /usr/bin/systemd-sysusers /usr/bin/systemd-tmpfiles; rmdir /var/lib/holdfast',
  )
  await machine.shell(INSTALL)
  await machine.shell('chmod +x /usr/bin/systemd-sysusers /usr/bin/systemd-tmpfiles')
  assert.equal(
    await machine.shell('id --name --user holdfast; id --name --groups holdfast'),
    'holdfast\nholdfast tss',
  )
  assert.equal(await machine.shell(`stat -c '%U %a' ${STATE}`), 'holdfast 700')
})

test('enrolled and started, it carries out commands', async () => {
  await gateway.startSurroundings('/usr/local/share/doc/holdfast')
  gateway.putConfig(gateway.config)
  await machine.shell('holdfast check && holdfast enroll && systemctl start holdfast')
  assert.equal(await gateway.property('StatusText'), 'carrying out commands')
  await machine.shell(
    'holdfast credential issue --subject erika --role engineer --out /root/erika --lifetime 1h; holdfast trip inlet-valve --agent http://127.0.0.1:8440 --credential /root/erika --reason test',
  )
})

test('installed again, it leaves configuration, state and what an engineer disabled as they are; the agent is restarted, still tripped', async () => {
  const before = await gateway.property('MainPID')
  await machine.shell('systemctl --quiet disable holdfast-verify.timer')
  gateway.putConfig(`${gateway.config}# a line of the engineer's\n`)
  await machine.shell(INSTALL)
  assert.match(await machine.shell('cat /etc/holdfast/holdfast.yaml'), /a line of the engineer's/)
  assert.equal((await machine.run('systemctl', 'is-enabled', 'holdfast-verify.timer')).stdout, 'disabled')
  assert.notEqual(await gateway.property('MainPID'), before)
  assert.match(await machine.shell('holdfast status'), /inlet-valve .*TRIPPED/i)
})

test('state of a newer holdfast: neither the archive nor the Debian package goes back, and the agent runs on', async () => {
  const before = await gateway.property('MainPID')
  const was = await machine.shell(`cat ${STATE}/revocations.json 2>/dev/null || true`)
  machine.write('var/lib/holdfast/revocations.json', '{"version":99,"state":[]}')
  const found = await fingerprint()
  const { exitCode, stderr } = await machine.run(INSTALL)
  assert.equal(exitCode, 12)
  assert.match(stderr, /is older than the holdfast that wrote .*revocations\.json \(version 99, known: 1\)/)
  const deb = await machine.run('dpkg', '--install', DEB)
  assert.notEqual(deb.exitCode, 0)
  assert.match(deb.stderr, /is older than the holdfast that wrote .*revocations\.json/)
  assert.equal(await fingerprint(), found)
  assert.equal(await gateway.property('MainPID'), before)
  await machine.shell(`rm ${STATE}/revocations.json`)
  if (was !== '') machine.write('var/lib/holdfast/revocations.json', was)
  await machine.shell(`chown -R holdfast: ${STATE}; dpkg --purge holdfast 2>/dev/null || true`)
})

const OBSTACLES: readonly (readonly [
  what: string,
  code: number,
  shown: RegExp,
  isTriedAgain: boolean,
  put: string,
  takeAway: string,
])[] = [
  [
    'a configuration that cannot be read',
    EXIT.unreadable,
    /holdfast\.yaml:1:1: cannot be read: EACCES/,
    false,
    'chmod 0600 /etc/holdfast/holdfast.yaml',
    'chmod 0644 /etc/holdfast/holdfast.yaml',
  ],
  [
    'state of another owner',
    EXIT.owner,
    /audit\.db belongs to user 0, with mode 0600[\s\S]*chown -R holdfast: \/var\/lib\/holdfast/,
    false,
    `chown root: ${STATE}/audit.db`,
    `chown holdfast: ${STATE}/audit.db`,
  ],
  [
    'state of a newer holdfast',
    EXIT.version,
    /clock\.json cannot be used: it has version 99, .*a newer holdfast wrote it/,
    false,
    `cp -a ${STATE}/clock.json /root/; echo '{"version":99,"state":{}}' >${STATE}/clock.json`,
    `cp -a /root/clock.json ${STATE}/`,
  ],
  [
    'latches that nobody can read',
    EXIT.untrusted,
    /latches\.json cannot be read .*nobody knows what is tripped; look at the plant/,
    false,
    `cp -a ${STATE}/latches.json /root/; echo '{' >${STATE}/latches.json`,
    `cp -a /root/latches.json ${STATE}/`,
  ],
  [
    'a port that is taken',
    EXIT.address,
    /cannot listen on 127\.0\.0\.1:8440: .*EADDRINUSE/,
    true,
    'systemctl stop holdfast; systemd-run --quiet --unit=taken --collect /usr/local/lib/holdfast/bin/node -e \'net.createServer().listen(8440, "127.0.0.1")\'; sleep 1',
    'systemctl stop taken',
  ],
  [
    'a state directory on a disk that is read-only',
    EXIT.storage,
    /the state directory \/var\/lib\/holdfast is on a disk that is read-only/,
    true,
    `systemctl stop holdfast; mkdir -p /root/disk; mount -t tmpfs -o mode=0700 state /root/disk; cp -a ${STATE}/. /root/disk; chown holdfast: /root/disk; mount --move /root/disk ${STATE} 2>/dev/null || mount --bind /root/disk ${STATE}; mount -o remount,ro ${STATE}`,
    `umount ${STATE}; umount /root/disk 2>/dev/null || true`,
  ],
]

for (const [what, code, shown, isTriedAgain, put, takeAway] of OBSTACLES)
  test(`${what}: said where the status shows it, with exit status ${code}, ${isTriedAgain ? 'tried again until the start limit' : 'not tried again'}, and an alarm`, async () => {
    await machine.shell(put)
    const before = await gateway.alarms('holdfast')
    await gateway.givesUp()
    const status = await gateway.shown()
    const restarts = Number(await gateway.property('NRestarts'))
    const journal = await machine.shell('journalctl --no-pager --output=cat -u holdfast -n 40')
    await machine.shell(takeAway)
    assert.match(journal, shown)
    assert.match(status, shown)
    assert.match(journal, new RegExp(`status=${code}/`))
    if (isTriedAgain) assert.ok(restarts > 0 && restarts <= 10, `${restarts}`)
    else assert.equal(restarts, 0)
    await gateway.hasAlarm('holdfast', before)
  })

test('no TPM, a clock of 1970, a full disk: it runs, and its status says what it does not do', async () => {
  await machine.run('systemctl', 'reset-failed', 'holdfast')
  await machine.shell('systemctl stop tpm; systemctl start holdfast')
  assert.match(await gateway.property('StatusText'), /^not carrying out every command: .*(TPM|master key)/i)

  await machine.shell('mkdir -p /run/systemd/system/holdfast.service.d')
  machine.write(
    'root/epoch.conf',
    '[Service]\nEnvironment="NODE_OPTIONS=--import=data:text/javascript,Date.now=()=>Math.floor(performance.now())"\n',
  )
  await machine.shell(
    'cp /root/epoch.conf /run/systemd/system/holdfast.service.d/; systemctl daemon-reload; systemctl restart holdfast',
  )
  assert.match(await gateway.property('StatusText'), /the system clock says 1970-01-01T/)
  await machine.shell('rm -r /run/systemd/system/holdfast.service.d; systemctl daemon-reload')

  await machine.shell(
    `systemctl stop holdfast; mount -t tmpfs -o mode=0700,size=8m state /mnt; cp -a ${STATE}/. /mnt; chown holdfast: /mnt; mount --bind /mnt ${STATE}; cat /dev/zero >${STATE}/ballast 2>/dev/null || true; systemctl start holdfast`,
  )
  assert.equal(await gateway.property('ActiveState'), 'active')
  await machine.until('it says that the log cannot be written', async () =>
    /audit log/.test(await gateway.property('StatusText')),
  )
  await machine.shell(`systemctl stop holdfast; umount ${STATE}; umount /mnt; systemctl start holdfast`)
})

test('uninstalled, it stops and leaves the audit log and the configuration', async () => {
  const said = await machine.shell(UNINSTALL)
  assert.match(said, /\/var\/lib\/holdfast stays\n.*\/etc\/holdfast stays/)
  assert.equal(
    await machine.shell(
      'find /usr/local /etc/systemd /etc/sysusers.d /etc/tmpfiles.d -name "*holdfast*" ! -type d',
    ),
    '',
  )
  assert.equal((await machine.run('systemctl', 'cat', 'holdfast')).exitCode, 1)
  await machine.shell(`test -s ${STATE}/audit.db && test -s /etc/holdfast/holdfast.yaml`)
  assert.match(await machine.shell(`${ARCHIVE}/uninstall.sh`), /there is no holdfast of install\.sh/)
})

test('where the Debian package was removed, and its units are masked, as Debian does it, the archive’s are enabled and start', async () => {
  await machine.shell(`dpkg --install ${DEB} && dpkg --remove holdfast`)
  assert.equal((await machine.run('systemctl', 'is-enabled', 'holdfast')).stdout, 'masked')
  await machine.shell(INSTALL)
  assert.equal((await machine.run('systemctl', 'is-enabled', 'holdfast')).stdout, 'enabled')
  assert.equal((await machine.run('systemctl', 'is-enabled', 'holdfast-verify.timer')).stdout, 'enabled')
  assert.equal(await gateway.state(), 'active')
  await machine.shell(`${UNINSTALL}; dpkg --purge holdfast`)
})

test('purged, it asks; without an answer everything stays, and "delete" deletes it', async () => {
  assert.match(
    await machine.shell(`${ARCHIVE}/uninstall.sh --purge </dev/null`),
    /audit log .*\n.*type "delete"[\s\S]*stays/,
  )
  await machine.shell(`echo yes | ${ARCHIVE}/uninstall.sh --purge; test -s ${STATE}/audit.db`)
  assert.match(await machine.shell(`echo delete | ${ARCHIVE}/uninstall.sh --purge`), /deleted, as was asked/)
  assert.equal((await machine.run('ls', STATE)).exitCode, 2)
  assert.equal((await machine.run('ls', '/etc/holdfast')).exitCode, 2)
})
