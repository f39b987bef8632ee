import assert from 'node:assert/strict'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, test } from 'node:test'
import { execa } from 'execa'
import { EXIT } from '../../model/exit.ts'
import { ROOT } from '../agent/gateway.ts'

const SYSTEMD = join(ROOT, 'deploy/systemd')
const UNITS = globSync('*.{service,timer}', { cwd: SYSTEMD }).sort()

let folder: string

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-units-'))
  // As they are installed, but for the program, which is not where this test runs.
  for (const unit of UNITS) {
    const text = readFileSync(join(SYSTEMD, unit), 'utf8')
    writeFileSync(join(folder, unit), text.replaceAll('/usr/bin/holdfast ', '/bin/true '))
  }
})

after(() => rmSync(folder, { recursive: true, force: true }))

/** systemd's own measure of what a service could do to its host if it were taken over: from 0 to 10, less is better. */
const exposure = async (unit: string): Promise<number> => {
  const { stdout } = await execa('systemd-analyze', [
    'security',
    '--offline=true',
    '--no-pager',
    join(folder, unit),
  ])
  return Number(/Overall exposure level for \S+: ([0-9.]+)/.exec(stdout)?.[1])
}

test('systemd finds no fault with the units', async () => {
  const { all } = await execa(
    'systemd-analyze',
    ['verify', '--man=no', '--recursive-errors=no', ...UNITS.map(unit => join(folder, unit))],
    { all: true },
  )
  assert.equal(all, '')
})

test('the exposure of the agent is at most 1.2, that of what reads and tells at most 0.5', async () => {
  const measured = {
    agent: await exposure('holdfast.service'),
    verify: await exposure('holdfast-verify.service'),
    alarm: await exposure('holdfast-alarm@.service'),
  }
  assert.ok(measured.agent <= 1.2, `agent: ${measured.agent}`)
  assert.ok(measured.verify <= 0.5, `verify: ${measured.verify}`)
  assert.ok(measured.alarm <= 0.5, `alarm: ${measured.alarm}`)
})

test('what a person has to mend is not tried again, and what may mend itself is', () => {
  const [, given = ''] =
    /^RestartPreventExitStatus=(.*)$/m.exec(readFileSync(join(SYSTEMD, 'holdfast.service'), 'utf8')) ?? []
  const { usage, unreadable, owner, version, untrusted, device } = EXIT
  assert.equal(given, [usage, unreadable, owner, version, untrusted, device].join(' '))
})

test('ten starts that each take as long as they may are among those after which it stays down and says so', () => {
  const text = readFileSync(join(SYSTEMD, 'holdfast.service'), 'utf8')
  const seconds = (name: string) => {
    const [, number, unit] = new RegExp(`^${name}=([0-9]+)(s|min)$`, 'm').exec(text) ?? []
    return Number(number) * (unit === 'min' ? 60 : 1)
  }
  const burst = Number(/^StartLimitBurst=([0-9]+)$/m.exec(text)?.[1])
  const slowest = burst * (seconds('TimeoutStartSec') + seconds('RestartSec'))
  assert.ok(slowest < seconds('StartLimitIntervalSec'), `${slowest} s`)
})

test('every group of directives of the agent has its reason above it', () => {
  const lines = readFileSync(join(SYSTEMD, 'holdfast.service'), 'utf8').split('\n')
  const bare = lines.flatMap((line, index) => {
    const begins = lines[index - 1] === '' && /^[A-Z]\w+=/.test(line)
    return begins ? [line] : []
  })
  assert.deepEqual(bare, [])
})

test('the sample of firewall rules is one that nftables takes, twice over', async () => {
  const file = join(SYSTEMD, 'nftables.conf')
  // Checking asks the kernel, in a network namespace of its own: root may have one, and others where the kernel lets them.
  const alone = process.getuid?.() === 0 ? ['--net'] : ['--map-root-user', '--net']
  const nft =
    'PATH=$PATH:/usr/sbin; nft --check --file "$0" && nft --file "$0" && nft --file "$0" && nft list ruleset'
  const { stdout } = await execa('unshare', [...alone, 'sh', '-c', nft, file])
  assert.equal(stdout.match(/chain input/g)?.length, 1)
})

test('what the drop-ins set are directives that systemd knows', async () => {
  const dropIns = globSync('drop-ins/*.conf', { cwd: SYSTEMD })
  assert.ok(dropIns.length >= 3)
  for (const dropIn of dropIns) {
    const unit = join(folder, `with-${basename(dropIn, '.conf')}.service`)
    const agent = readFileSync(join(folder, 'holdfast.service'), 'utf8')
    writeFileSync(unit, `${agent}\n${readFileSync(join(SYSTEMD, dropIn), 'utf8')}`)
    const { all } = await execa('systemd-analyze', ['verify', '--man=no', '--recursive-errors=no', unit], {
      all: true,
    })
    assert.equal(all, '', dropIn)
  }
})
