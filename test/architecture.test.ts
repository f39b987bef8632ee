import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '..')
const ROOMS = [
  'model',
  'keep',
  'drivers',
  'failsafe',
  'agent',
  'client',
  'console',
  'simulator',
  'demo',
  'bench',
  'bin',
  'deploy',
]

/** Which of our own files a room may import: the start of their paths. `wiring` knows everything. */
const MAY_IMPORT: readonly (readonly [room: string, allowed: readonly string[] | 'everything'])[] = [
  ['model/', ['model/']],
  ['keep/', ['keep/']],
  ['drivers/', ['drivers/', 'model/']],
  ['failsafe/', ['failsafe/', 'drivers/driver.ts', 'keep/', 'model/']],
  ['agent/credential/', ['agent/credential/', 'keep/', 'model/']],
  ['agent/audit/', ['agent/audit/', 'keep/', 'model/']],
  ['agent/alarms/', ['agent/alarms/', 'keep/', 'model/']],
  ['agent/metrics/', ['agent/metrics/', 'model/']],
  ['agent/service/', ['agent/service/', 'model/']],
  ['agent/time/', ['agent/time/', 'keep/', 'model/']],
  [
    'agent/doctor/',
    [
      'agent/doctor/',
      'agent/alarms/threshold.ts',
      'agent/audit/',
      'agent/credential/',
      'agent/time/kept-clock.ts',
      'agent/config/config.ts',
      'agent/pem.ts',
      'model/',
    ],
  ],
  ['agent/init/', ['agent/init/', 'agent/config/forms.ts', 'agent/credential/escrow/scheme.ts', 'model/']],
  [
    'agent/command/',
    [
      'agent/command/',
      'agent/alarms/',
      'agent/credential/',
      'agent/audit/',
      'failsafe/',
      'keep/',
      'drivers/driver.ts',
      'model/',
    ],
  ],
  [
    'agent/api/',
    [
      'agent/api/',
      'agent/alarms/',
      'agent/command/',
      'agent/credential/',
      'agent/audit/',
      'agent/time/',
      'agent/config/config.ts',
      'drivers/driver.ts',
      'failsafe/',
      'model/',
    ],
  ],
  ['client/', ['client/', 'model/']],
  ['console/', ['console/', 'client/', 'model/']],
  ['simulator/', ['simulator/', 'model/']],
  // The versions of what is kept stand in the package's scripts.
  [
    'deploy/',
    ['deploy/', 'agent/audit/schema.ts', 'agent/credential/tpm/key-record.ts', 'keep/kept-file.ts'],
  ],
  ['demo/', ['demo/', 'client/', 'simulator/', 'model/', 'agent/time/system-clock.ts']],
  // What is left is wiring: agent/*.ts, agent/config/, agent/host/, bench/ and bin/.
  ['', 'everything'],
]

const sources = ROOMS.flatMap(room => globSync(`${room}/**/*.ts`, { cwd: ROOT })).map(normalize)

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

function importsOf(file: string): string[] {
  return [...read(file).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, specifier = '']) => specifier)
}

function ownImportsOf(file: string): string[] {
  return importsOf(file)
    .filter(specifier => specifier.startsWith('.'))
    .map(specifier => normalize(join(dirname(file), specifier)))
}

test('each room imports only what the design allows it', () => {
  const offences = sources.flatMap(file => {
    const [, allowed] = MAY_IMPORT.find(([room]) => file.startsWith(room)) ?? ['', []]
    if (allowed === 'everything') return []
    return ownImportsOf(file)
      .filter(imported => !allowed.some(start => imported.startsWith(start)))
      .map(imported => `${file} imports ${imported}`)
  })
  assert.deepEqual(offences, [])
})

test('the model imports nothing, not even from Node', () => {
  const offences = sources.filter(file => file.startsWith('model/')).flatMap(importsOf)
  assert.deepEqual(
    offences.filter(specifier => !specifier.startsWith('.')),
    [],
  )
})

test('the simulator and the drivers share no codec: a wrong byte order at both ends must not pass', () => {
  const offences = sources
    .filter(file => file.startsWith('simulator/'))
    .filter(file =>
      importsOf(file).some(specifier => specifier === 'modbus-serial' || specifier.includes('/drivers/')),
    )
  assert.deepEqual(offences, [])
})

test('every source file is used by another or is a program of its own', () => {
  const programs = [
    'bin/holdfast.ts',
    'demo/main.ts',
    'bench/main.ts',
    'deploy/package/main.ts',
    'deploy/npm/main.ts',
  ]
  // Threads are not imported; their file stands in a string.
  const byPath = sources.flatMap(file =>
    [...read(file).matchAll(/'(\.{1,2}\/[^']+\.ts)'/g)].map(([, path = '']) =>
      normalize(join(dirname(file), path)),
    ),
  )
  // Parts that are for others to import: integrators' tests.
  const libraries = ['client/narrow.ts', 'simulator/library.ts', 'agent/credential/envelope-file.ts']
  const used = new Set([...programs, ...libraries, ...byPath])
  assert.deepEqual(
    sources.filter(file => !used.has(file)),
    [],
  )
})

test('no file grows into a manager: none is over 300 lines', () => {
  const long = sources.filter(file => read(file).split('\n').length > 300)
  assert.deepEqual(long, [])
})

test('files are named after nouns of the trade: there is no drawer', () => {
  const drawers = sources.filter(file =>
    /(?:^|\/)(?:utils?|helpers?|common|misc|shared|manager|controller)\b/.test(file),
  )
  assert.deepEqual(drawers, [])
})

test('time, chance and environment come in from outside', () => {
  const injected = new Set(['agent/time/system-clock.ts', 'agent/main.ts', 'console/panel/browser-clock.ts'])
  const inside = sources.filter(
    file => /^(?:model|keep|drivers|failsafe|agent|client|console)\//.test(file) && !injected.has(file),
  )
  const ambient = /\b(?:Date\.now|Math\.random|process\.env|setTimeout|setInterval)\b\s*[([.]/
  assert.deepEqual(
    inside.filter(file => ambient.test(read(file))),
    [],
  )
})

test('whoever is a client over TLS refuses whom it cannot verify, whatever NODE_TLS_REJECT_UNAUTHORIZED says', () => {
  const clients = /import \{[^}]*\b(?:connect|request)\b[^}]*\} from 'node:(?:tls|https)'/
  const inside = sources.filter(
    file => /^(?:drivers|agent|client|console)\//.test(file) && clients.test(read(file)),
  )
  assert.deepEqual(
    inside.filter(file => !/\brejectUnauthorized: true\b/.test(read(file))),
    [],
  )
  assert.ok(inside.length > 0)
})

test('every dependency says in docs/DEPENDENCIES.md why it is there, and is pinned', () => {
  const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>
  const all = Object.entries({
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.optionalDependencies,
  })
  const reasons = read('docs/DEPENDENCIES.md')
  for (const [name, version] of all) {
    assert.match(version, /^[0-9]+\.[0-9]+\.[0-9]+$/, `${name} is pinned to one version`)
    assert.ok(reasons.includes(`\`${name}\``), `${name} has a line in docs/DEPENDENCIES.md`)
  }
})

test('whatever our programs print goes through model/plain.ts: nothing that came from data steers a terminal', () => {
  const files = globSync('{agent,console,bin}/**/*.ts', { cwd: ROOT }).filter(
    file => !file.startsWith('console/panel/'),
  )
  const raw = files.flatMap(file => {
    const text = readFileSync(join(ROOT, file), 'utf8')
    return [...text.matchAll(/process\.(?:stdout|stderr)\.write\(\s*([^\n]*\n?[^\n]*)/g)].flatMap(
      ([, what = '']) =>
        /^(?:`\$\{plain\(|plainLines\(|jsonLine\(|\S+ \? jsonLine\(|json \? jsonLine\()/.test(what)
          ? []
          : [`${file}: ${what}`],
    )
  })
  // Two words of `terminal`, which makes them plain.
  assert.deepEqual(
    raw.filter(found => !/^bin\/program\/options\.ts: text\),?/.test(found)),
    [],
  )
})
