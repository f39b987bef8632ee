import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { execa } from 'execa'
import { parse, stringify } from 'yaml'
import { Gateway, ROOT, type RunningAgent } from '../agent/gateway.ts'
import { guardedGateway } from '../agent/guarded-gateway.ts'

const PROMETHEUS = join(ROOT, 'deploy', 'prometheus')
const DASHBOARD = join(ROOT, 'deploy', 'grafana', 'holdfast.json')

let gateway: Gateway
let agent: RunningAgent

before(async () => {
  gateway = await guardedGateway({
    unattributed: 'count',
    settings: [[['metrics'], { allowed_networks: ['127.0.0.1/32'] }]],
  })
  agent = await gateway.startAgent()
})
after(async () => await gateway[Symbol.asyncDispose]())

const scrape = async (address = agent.address) => await fetch(`${address}/metrics`)

/** The value of one series; undefined where there is none. */
function valueIn(text: string, series: string): number | undefined {
  const line = text.split('\n').find(other => other.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

/** Every expression that the dashboard draws. */
async function dashboardExpressions(): Promise<readonly string[]> {
  const { panels } = JSON.parse(await readFile(DASHBOARD, 'utf8')) as {
    panels: { targets: { expr: string }[] }[]
  }
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
}

/** The names of the metrics that expressions speak of. */
function namesIn(expressions: readonly string[]): string[] {
  const names = expressions.flatMap(text => text.match(/\bholdfast_[a-z_]+/g) ?? [])
  return [...new Set(names.map(name => name.replace(/_bucket$/, '')))]
}

test('the rules and the configuration of Prometheus are found right by promtool', async () => {
  const rules = await execa('promtool', ['check', 'rules', join(PROMETHEUS, 'holdfast.rules.yml')])
  assert.match(rules.stdout, /SUCCESS: 13 rules found/)
  const config = await execa('promtool', ['check', 'config', join(PROMETHEUS, 'prometheus.yml')])
  assert.match(config.stdout, /SUCCESS/)
})

test('every expression of the dashboard is found right by promtool', async () => {
  const expressions = await dashboardExpressions()
  assert.ok(expressions.length > 15)
  // What Grafana puts in place of its variable.
  const rules = expressions.map((expr, at) => ({
    record: `dashboard:expression:${at}`,
    expr: expr.replaceAll('$instance', 'a|b'),
  }))
  assert.ok(
    rules.every(({ expr }) => !expr.includes('$')),
    'no variable is left',
  )
  const check = async (checked: typeof rules) => {
    const file = join(gateway.folder, 'dashboard.rules.yml')
    await writeFile(file, stringify({ groups: [{ name: 'dashboard', rules: checked }] }))
    return await execa('promtool', ['check', 'rules', file], { reject: false, all: true })
  }
  const { all, exitCode } = await check(rules)
  assert.equal(exitCode, 0, all)
  assert.match(all, new RegExp(`SUCCESS: ${expressions.length} rules found`))
  const broken = rules.map(rule => ({ ...rule, expr: rule.expr.replace(/\}/, '') }))
  assert.notEqual((await check(broken)).exitCode, 0, 'one that is wrong is found')
})

test('each alert fires when it should and not before, by the tests of promtool', async () => {
  const tests = join(import.meta.dirname, 'holdfast.rules.yml')
  const { stdout } = await execa('promtool', ['test', 'rules', tests])
  assert.match(stdout, /SUCCESS/)
  const names = async (file: string, name: RegExp) =>
    [...(await readFile(file, 'utf8')).matchAll(name)].map(([, found]) => found)
  const tried = await names(tests, /alertname: (\w+)/g)
  const rules = await names(join(PROMETHEUS, 'holdfast.rules.yml'), /- alert: (\w+)/g)
  assert.deepEqual(
    rules.filter(name => !tried.includes(name)),
    [],
  )
})

test('what the agent serves is found right by promtool, counts what happened, and has every metric that rules and dashboard show', async () => {
  const { credential } = await gateway.issue('alice', 'operator')
  const alice = gateway.client(agent.address, credential)
  await alice.command('inlet-valve', 'open')
  await alice.command('inlet-valve', 'sideways')
  await alice.command('no-such-thing', 'open')
  const secret = randomBytes(32).toString('base64url')
  const forger = gateway.client(agent.address, { keyid: credential.keyid, secret })
  for (let count = 0; count < 5; count += 1) await forger.command('inlet-valve', 'open')
  await agent.line(({ event, actuator }) => event === 'trip-safe' && actuator === 'inlet-valve')

  // The TPM is asked beside everything else.
  let answer = await scrape()
  while (valueIn(await answer.clone().text(), 'holdfast_audit_tpm_value') === undefined)
    answer = await scrape()
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  const text = await answer.text()
  // promtool does not like `holdfast_info` to end so, nor Node's own metrics; everything of ours it takes.
  const checked = await execa('promtool', ['check', 'metrics'], { input: text, reject: false })
  assert.doesNotMatch(`${checked.stdout}${checked.stderr}`, /error|holdfast_/i)

  const expected: readonly (readonly [series: string, value: number])[] = [
    ['holdfast_commands_total{actuator="inlet-valve",outcome="verified"}', 1],
    ['holdfast_commands_total{actuator="inlet-valve",outcome="refused"}', 6],
    ['holdfast_commands_total{actuator="unknown",outcome="refused"}', 1],
    ['holdfast_refusals_total{code="setpoint-unknown"}', 1],
    ['holdfast_refusals_total{code="signature-invalid"}', 5],
    ['holdfast_requests_authenticated_total', 3],
    ['holdfast_trips_total{actuator="inlet-valve",cause="authentication-failures"}', 1],
    ['holdfast_actuator_phase{actuator="inlet-valve",phase="tripped"}', 1],
    ['holdfast_actuator_phase{actuator="inlet-valve",phase="normal"}', 0],
    ['holdfast_device_connected{device="plc"}', 1],
    ['holdfast_device_watchdog_armed{device="plc"}', 1],
    ['holdfast_command_stage_duration_seconds_count{stage="verify"}', 1],
    ['holdfast_command_duration_seconds_count{outcome="verified"}', 1],
    ['holdfast_master_key_available', 1],
    ['holdfast_clock_trusted', 1],
    ['holdfast_audit_writable', 1],
    ['holdfast_audit_tpm_turn{outcome="unavailable"}', 0],
    ['holdfast_audit_tpm_turn{outcome="rolled-back"}', 0],
  ]
  for (const [series, value] of expected) assert.equal(valueIn(text, series), value, series)
  assert.ok((valueIn(text, 'holdfast_alarms{severity="critical",state="unacknowledged"}') ?? 0) >= 1)
  assert.ok((valueIn(text, 'holdfast_audit_tpm_value') ?? 0) >= 1)
  assert.ok((valueIn(text, 'holdfast_audit_records') ?? 0) > 5)
  assert.ok((valueIn(text, 'holdfast_audit_commit_duration_seconds_count') ?? 0) > 1)

  const rules = parse(await readFile(join(PROMETHEUS, 'holdfast.rules.yml'), 'utf8')) as {
    groups: { rules: { expr: string }[] }[]
  }
  const shown = namesIn([
    ...rules.groups.flatMap(group => group.rules.map(({ expr }) => expr)),
    ...(await dashboardExpressions()),
  ])
  assert.ok(shown.length > 12)
  assert.deepEqual(
    shown.filter(name => !text.includes(`# TYPE ${name} `)),
    [],
  )
})

test('every counter is there from the start, at 0, so that the first trip and the first forgery are seen as a rise', async () => {
  await using fresh = await Gateway.start({
    settings: [[['metrics'], { allowed_networks: ['127.0.0.1/32'] }]],
  })
  const other = await fresh.startAgent()
  const text = await (await scrape(other.address)).text()
  const series = [
    'holdfast_commands_total{actuator="inlet-valve",outcome="mismatch"}',
    'holdfast_commands_total{actuator="unknown",outcome="refused"}',
    'holdfast_refusals_total{code="signature-invalid"}',
    'holdfast_trips_total{actuator="coolant-pump",cause="device-unreachable"}',
    'holdfast_alarms_raised_total{alarm="trip",severity="critical"}',
    'holdfast_alarms_raised_total{alarm="disk-space",severity="critical"}',
  ]
  for (const one of series) assert.equal(valueIn(text, one), 0, one)
  assert.doesNotMatch(text, /^holdfast_device_watchdog_armed\{/m)
})

test('nobody decides how many series there are: what strangers send is in no label', async () => {
  // Node's own have a series more with the first collection of each kind.
  const ours = (text: string) => text.split('\n').filter(line => line.startsWith('holdfast_')).length
  const before = ours(await (await scrape()).text())
  for (let count = 0; count < 20; count += 1) {
    await fetch(`${agent.address}/v1/actuators/stranger-${count}/commands`, { method: 'POST' })
    await fetch(`${agent.address}/stranger-${count}`)
  }
  const text = await (await scrape()).text()
  assert.doesNotMatch(text, /stranger/)
  assert.equal(ours(text), before)
})

test('metrics are for whoever may read: not for strangers, and over a unix socket unsigned', async () => {
  await using closed = await Gateway.start()
  const other = await closed.startAgent()
  const refused = await scrape(other.address)
  assert.equal(refused.status, 401)
  const { stdout } = await execa('curl', [
    '-sS',
    '--unix-socket',
    closed.operatorSocket.slice('unix:'.length),
    'http://localhost/metrics',
  ])
  assert.match(stdout, /^holdfast_ready 1$/m)
})

test('Prometheus scrapes the agent, evaluates the rules, and the alert about the trip fires', async () => {
  const port = await freePort()
  const rules = join(PROMETHEUS, 'holdfast.rules.yml')
  const config = join(gateway.folder, 'prometheus.yml')
  const target = agent.address.replace('http://', '')
  await writeFile(
    config,
    stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: [{ job_name: 'holdfast', static_configs: [{ targets: [target] }] }],
    }),
  )
  const server = execa(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(gateway.folder, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { reject: false, stdin: 'ignore', buffer: false, stdout: 'ignore', stderr: 'pipe' },
  )
  try {
    const alert = await until(async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/alerts`)
      const { data } = (await answer.json()) as {
        data: { alerts: { state: string; labels: Record<string, string> }[] }
      }
      return data.alerts.find(
        ({ state, labels }) => state === 'firing' && labels.alertname === 'HoldfastTripped',
      )
    })
    assert.ok(alert.labels.actuator === 'inlet-valve' || alert.labels.actuator === 'coolant-pump')
    const query = encodeURIComponent('holdfast_commands_total{outcome="verified"}')
    const found = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${query}`)
    const { data } = (await found.json()) as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] }
    }
    assert.equal(data.result.find(({ metric }) => metric.actuator === 'inlet-valve')?.value[1], '1')
  } finally {
    server.kill('SIGTERM')
    await server
  }
})

async function freePort(): Promise<number> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const address = server.address()
  server.close()
  return typeof address === 'object' && address ? address.port : 0
}

/** Asks until there is an answer; the test's own time limit ends it. */
async function until<Answer>(ask: () => Promise<Answer | undefined>): Promise<Answer> {
  for (;;) {
    const answer = await ask().catch(() => undefined)
    if (answer !== undefined) return answer
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}
