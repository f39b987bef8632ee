import assert from 'node:assert/strict'
import { join } from 'node:path'
import { execa } from 'execa'
import { whyNoContainer } from './ability.ts'
import { BootedGateway, DEB, HARDWARE } from './booted-gateway.ts'
import type { Machine } from './machine.ts'
import { assertSandboxed } from './sandbox.ts'
import { story } from './story.ts'

// `npm run test:gateway`: the package, as a plant engineer meets it, on a Debian that was really booted. The tests are one
// story in order, told by docs/runbooks/install.md.

let gateway: BootedGateway
let machine: Machine
let installing: string

const mainPid = () => gateway.property('MainPID')
/** A program run as somebody of the operators' group. */
const asOlga = (line: string) => machine.run('runuser', '-u', 'olga', '--', 'sh', '-c', line)

const test = story(
  await whyNoContainer(),
  async () => {
    gateway = await BootedGateway.make()
    machine = gateway.machine
    installing = await machine.install(DEB)
    await machine.install(...HARDWARE)
  },
  async () => await gateway?.[Symbol.asyncDispose](),
)

test('installed on a bare Debian, it brings what it needs, starts nothing and says what comes next', async () => {
  assert.match(installing, /Setting up tpm2-tools/)
  assert.match(installing, /not started: there is no \/etc\/holdfast\/holdfast\.yaml yet/)
  assert.match(installing, /next, as root: holdfast init/)
  await machine.boot()
  const { stdout } = await machine.run('systemctl', '--failed', '--plain', '--no-legend')
  assert.equal(stdout, '')
  assert.equal(await gateway.state(), 'inactive')
  assert.equal(
    await machine.shell('id --name --user holdfast; id --name --groups holdfast'),
    'holdfast\nholdfast tss',
  )
})

test('init as the runbook has it, typed by root at home: the key and the log are the agent’s, and doctor finds no error', async () => {
  await gateway.startSurroundings('/usr/share/doc/holdfast')
  const said = await machine.shell(
    `cd /root; holdfast init --yes --environment test --gateway booted-1 --tcti swtpm:path=/run/swtpm/sock --escrow none --listen 127.0.0.1:8440 --networks 127.0.0.0/8 --forgeries alarm --device 127.0.0.1:15020 --unit 1 --valve inlet-valve --command coil:0 --feedback input_register:0 --closed 0,0 --open 1,1000 --tolerance 10 --travel-time 3s --safe closed --admin kim`,
  )
  assert.match(said, /\/root\/kim\.credential: written/)
  assert.match(said, /Next:\n {2}holdfast doctor\n {2}systemctl restart holdfast\n {2}holdfast status/)
  assert.equal(await machine.shell('find /var/lib/holdfast ! -user holdfast -o -perm /022 ! -type l'), '')
  // It ends with another status when there is an error.
  assert.match(await machine.shell('cd /root; holdfast doctor'), /\n0 errors, /)
})

test('the unit starts, and its status says what it does', async () => {
  await machine.shell('systemctl restart holdfast')
  assert.equal(await gateway.property('StatusText'), 'carrying out commands')
})

test('somebody of the operators’ group opens the valve, and cannot issue a credential', async () => {
  await machine.shell(
    'useradd --create-home --groups holdfast olga; holdfast credential issue --subject olga --role operator --actuator inlet-valve --lifetime 1h --out /home/olga/c; chown olga /home/olga/c',
  )
  const opened = await asOlga(
    'holdfast command inlet-valve open --agent http://127.0.0.1:8440 --credential ~/c',
  )
  assert.match(opened.stdout, /open, verified by its feedback/)
  assert.equal((await asOlga('holdfast status')).exitCode, 0)
  assert.equal((await asOlga('holdfast credential issue --subject x --role engineer --out ~/d')).exitCode, 5)
  assert.notEqual((await asOlga('cat /var/lib/holdfast/audit.db')).exitCode, 0)
})

test('what the valve did is in the journal, by the name of its actuator', async () => {
  await machine.until('the journal has it', async () => {
    const found = await machine.shell(
      'journalctl --unit=holdfast HOLDFAST_ACTUATOR=inlet-valve HOLDFAST_KIND=command-outcome --output=json',
    )
    return /"HOLDFAST_OUTCOME":"verified"/.test(found) && /"HOLDFAST_SUBJECT":"olga"/.test(found)
  })
})

test('the log is bound to the TPM by the enrolment and by the start', async () => {
  const count = await machine.shell('holdfast audit query --kind log-counted --json | tail -1')
  assert.match(count, /"counter":2,/)
  const verified = await machine.run('holdfast', 'audit', 'verify', '--tpm', 'swtpm:path=/run/swtpm/sock')
  assert.equal(verified.exitCode, 0, verified.stdout)
  assert.match(verified.stdout, /; the TPM's counter stands at 2, as the log says/)
})

test('the sandbox holds from the inside: no capability, no core file, no device, nothing to write but state and sockets', async () => {
  await assertSandboxed(machine, await mainPid(), [])
})

test('the log of the running agent verifies from its unit', async () => {
  await machine.shell('systemctl start holdfast-verify')
  assert.match(await gateway.journal('holdfast-verify'), /intact: [0-9]+ records/)
})

test('with the drop-in without a compiler it carries out commands, and none of its memory is writable and executable', async () => {
  await machine.shell(
    'mkdir -p /run/systemd/system/holdfast.service.d; cp /usr/share/doc/holdfast/examples/drop-ins/no-jit.conf /run/systemd/system/holdfast.service.d/; systemctl daemon-reload; systemctl restart holdfast',
  )
  const closed = await asOlga(
    'holdfast command inlet-valve closed --agent http://127.0.0.1:8440 --credential ~/c',
  )
  assert.match(closed.stdout, /closed, verified by its feedback/)
  const maps = await machine.shell(`cat /proc/${await mainPid()}/maps`)
  assert.ok(maps.split('\n').length > 100)
  assert.doesNotMatch(maps, / rwxp /)
  await machine.shell(
    'rm -r /run/systemd/system/holdfast.service.d; systemctl daemon-reload; systemctl restart holdfast',
  )
})

test('with the drop-in for a serial port that is not there it starts all the same, for its other devices', async () => {
  await machine.shell(
    'test ! -e /dev/ttyS0; mkdir -p /run/systemd/system/holdfast.service.d; cp /usr/share/doc/holdfast/examples/drop-ins/serial-line.conf /run/systemd/system/holdfast.service.d/; systemctl daemon-reload; systemctl restart holdfast',
  )
  assert.equal(await gateway.property('StatusText'), 'carrying out commands')
  await machine.shell(
    'rm -r /run/systemd/system/holdfast.service.d; systemctl daemon-reload; systemctl restart holdfast',
  )
})

test('an agent that hangs is ended by the watchdog and is back', async () => {
  const before = await mainPid()
  await machine.shell(`kill -STOP ${before}`)
  await machine.until('another agent is active', async () => !['0', before].includes(await mainPid()))
  await gateway.isReady()
  assert.match(await gateway.journal('holdfast'), /Watchdog timeout/)
})

test('a trip is latched over a reboot', async () => {
  await machine.shell(
    'holdfast credential issue --subject erika --role engineer --out /root/erika --lifetime 1h',
  )
  await machine.shell(
    'holdfast trip inlet-valve --agent http://127.0.0.1:8440 --credential /root/erika --reason test',
  )
  await machine.shutDown()
  await machine.boot()
  // The TPM of this machine is a program that nobody starts at boot: the agent is up without it, and says so.
  await gateway.isReady()
  const status = await machine.shell('holdfast status')
  assert.match(status, /inlet-valve .*TRIPPED/i)
})

test('a configuration with a mistake is said once, with its place, where the status shows it, and raises an alarm', async () => {
  gateway.putConfig(gateway.config.replace('safe: closed', 'safe: ajar'))
  await gateway.givesUp()
  const shown = await gateway.shown()
  assert.match(shown, /Active: failed/)
  assert.match(shown, /holdfast\.yaml:[0-9]+:[0-9]+: .*"ajar"/)
  assert.equal(await gateway.property('NRestarts'), '0')
  await gateway.hasAlarm('holdfast')
})

test('an address that this host does not have is tried again, and ends in an alarm too', async () => {
  const before = await gateway.alarms('holdfast')
  gateway.putConfig(gateway.config.replace('127.0.0.1:8440', '192.0.2.1:8440'))
  await gateway.givesUp()
  assert.match(
    await gateway.journal('holdfast'),
    /cannot listen on 192\.0\.2\.1:8440: .*EADDRNOTAVAIL[\s\S]*repeated too quickly/,
  )
  await gateway.hasAlarm('holdfast', before)
  gateway.putConfig(gateway.config)
  await machine.shell('systemctl reset-failed holdfast; systemctl start holdfast')
})

test('an upgrade restarts the agent and keeps what it knows', async () => {
  const before = await mainPid()
  await machine.shell(`dpkg --install ${DEB}`)
  await gateway.isReady()
  assert.notEqual(await mainPid(), before)
  assert.match(await machine.shell('holdfast status'), /inlet-valve .*TRIPPED/i)
})

test('a record that was altered fails the nightly verification, with an alarm', async () => {
  await machine.shell('systemctl stop holdfast')
  const log = join(machine.root, 'var/lib/holdfast/audit.db')
  await execa('sh', ['-c', `LC_ALL=C sed -i 's/"olga"/"olgb"/' "$0"`, log])
  await machine.run('chown', 'holdfast:', '/var/lib/holdfast/audit.db')
  assert.notEqual((await machine.run('systemctl', 'start', 'holdfast-verify')).exitCode, 0)
  await gateway.hasAlarm('holdfast-verify')
})

test('removed and purged, it leaves the audit log and the configuration, and says so', async () => {
  await machine.shell('dpkg --remove holdfast')
  assert.equal((await machine.run('test', '-e', '/usr/lib/holdfast')).exitCode, 1)
  const said = await machine.shell('DEBIAN_FRONTEND=noninteractive dpkg --purge holdfast 2>&1')
  assert.match(said, /\/var\/lib\/holdfast stays, with the audit log/)
  await machine.shell('test -s /var/lib/holdfast/audit.db && test -s /etc/holdfast/holdfast.yaml')
  assert.equal((await machine.run('systemctl', 'cat', 'holdfast')).exitCode, 1)
})

const QUESTION = /Delete the audit log, the master key's files and the configuration\? \[yes\/no\] *$/

test('purged at a terminal, it asks first, and says what would be lost; "no" keeps the log', async () => {
  await machine.shell(`dpkg --install ${DEB}`)
  const person = machine.person('apt-get', '--yes', 'purge', 'holdfast')
  await person.answers(QUESTION, 'no')
  assert.equal(await person.ended(), 0, person.screen)
  assert.match(
    person.screen,
    /The audit log is the proof of who moved what in the plant[\s\S]*Without an answer everything/,
  )
  assert.match(person.screen, /\/var\/lib\/holdfast stays, with the audit log/)
  await machine.shell('test -s /var/lib/holdfast/audit.db && test -s /etc/holdfast/holdfast.yaml')
})

test('asked again at the next purge, "yes" deletes the log, the key and the configuration', async () => {
  await machine.shell(`cp -a /var/lib/holdfast /root/state; dpkg --install ${DEB}`)
  const person = machine.person('apt-get', '--yes', 'purge', 'holdfast')
  await person.answers(QUESTION, 'yes')
  assert.equal(await person.ended(), 0, person.screen)
  assert.match(person.screen, /were deleted, as was asked/)
  assert.equal((await machine.run('ls', '/var/lib/holdfast')).exitCode, 2)
  assert.equal((await machine.run('ls', '/etc/holdfast')).exitCode, 2)
})

test('purged with nobody to ask, and the answer given beforehand that the log is to be deleted, it deletes it', async () => {
  await machine.shell(`dpkg --install ${DEB}; cp -a /root/state/. /var/lib/holdfast; dpkg --remove holdfast`)
  await machine.shell(
    'echo "holdfast holdfast/delete-records boolean true" | debconf-set-selections; test -s /var/lib/holdfast/audit.db',
  )
  const said = await machine.shell('DEBIAN_FRONTEND=noninteractive dpkg --purge holdfast 2>&1')
  assert.match(said, /were deleted, as was asked/)
  assert.equal((await machine.run('ls', '/var/lib/holdfast')).exitCode, 2)
  assert.equal((await machine.run('ls', '/etc/holdfast')).exitCode, 2)
})
