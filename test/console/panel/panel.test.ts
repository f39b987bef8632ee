import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import type { AgentClient } from '../../../client/agent-client.ts'
import type { Json } from '../../../model/json.ts'
import { Authority } from '../../agent/certificates.ts'
import { Gateway, type RunningAgent } from '../../agent/gateway.ts'
import { Browser } from '../../browser.ts'
import { contrast, luminance } from '../../contrast.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { card, certificateProxy, says, shown, signIn, text } from './rig.ts'

// One real gateway, with an agent as a process of its own, and a new browser for each test. The last two take the agent away.

const ALARM = '#alarms > li'
const HOSTILE = '<img src=x onerror="document.title=1"><script>alert(1)</script>'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let plant: Authority
let server: Awaited<ReturnType<Authority['issue']>>
let gateway: Gateway
let agent: RunningAgent
let engineer: AgentClient

before(async () => {
  folder = await temporaryFolder()
  plant = await Authority.make(folder.path, 'plant-ca')
  server = await plant.issue('gateway', 'IP:127.0.0.1')
  const panels = {
    name: 'panels',
    tls: '127.0.0.1:0',
    certificate: server.certificate,
    key: server.key,
    client_ca: plant.path,
    allowed_networks: ['127.0.0.0/8'],
    panel: true,
  }
  gateway = await Gateway.start({
    settings: [
      [['listeners', 0, 'panel'], true],
      [['listeners', 3], panels],
      [['actuators', 'coolant-pump', 'description'], HOSTILE],
      [['alarms'], { failed_authentications: { warn: 1, critical: 90 } }],
    ],
  })
  agent = await gateway.startAgent()
  engineer = gateway.client(agent.address, (await gateway.issue('erika', 'engineer')).credential)
})

after(async () => {
  await gateway[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

/** Nothing is tripped, and nothing stands that nobody has seen. */
beforeEach(async () => {
  for (const id of ['inlet-valve', 'coolant-pump']) {
    await engineer.acknowledge(id)
    await engineer.reset(id)
  }
  const answer = await engineer.alarms()
  const standing =
    answer.kind === 'answered'
      ? (answer.body as { alarms: { id: number; [key: string]: Json }[] }).alarms
      : []
  for (const { id } of standing) await engineer.acknowledgeAlarm(String(id))
})

async function open(): Promise<Browser> {
  const page = await Browser.open(`${agent.address}/panel/`)
  await page.until(shown('#sign-in'))
  return page
}

test('shows the plant to whoever signs in with a credential file, and keeps nothing of it elsewhere', async () => {
  await using page = await open()
  assert.equal(await page.evaluate(text('#actuators')), '')
  const { file, credential } = await gateway.issue('alice', 'operator')
  await signIn(page, file)
  await page.until(says(card('inlet-valve'), 'closed'))
  assert.match(await page.evaluate(text('#holder')), /^alice, operator, until .* left\)$/)
  assert.equal(await page.evaluate(text('#gateway')), 'waterworks-1 (demo)')
  assert.match(await page.evaluate(text('#health')), /Master key available/)
  assert.equal(await page.evaluate(`document.querySelector('#credential-file').files.length`), 0)
  assert.equal(await page.evaluate('localStorage.length + sessionStorage.length + document.cookie.length'), 0)
  assert.equal(
    await page.evaluate(`document.documentElement.outerHTML.includes('${credential.secret}')`),
    false,
  )
  await page.click('#sign-out')
  await page.until(shown('#sign-in'))
  assert.equal(await page.evaluate(text('#actuators')), '')
  assert.deepEqual(page.complaints, [])
  for (const request of page.requests) assert.ok(request.startsWith(agent.address), request)
})

test('trips an actuator after one confirmation, which the plant shows, and its alarm and trip are acknowledged and reset', async () => {
  await using page = await open()
  const { file, credential } = await gateway.issue('erika', 'engineer')
  await gateway.client(agent.address, credential).command('inlet-valve', 'open')
  await signIn(page, file)
  await page.until(says(card('inlet-valve'), 'open'))
  assert.equal(gateway.plant.truth('inlet-valve.position'), 1)

  await page.click(`${card('inlet-valve')} button.trip`)
  await page.until(shown('#question'))
  assert.equal(gateway.plant.truth('inlet-valve.position'), 1)
  await page.fill('#question-reason', 'a smell of ozone')
  await page.click('#question-yes')
  await page.until(says('#done', 'trip inlet-valve: tripped, and seen in its safe state'))
  assert.equal(gateway.plant.truth('inlet-valve.position'), 0)
  await page.until(says(card('inlet-valve'), 'first-out: manual'))
  assert.match(await page.evaluate(text(card('inlet-valve'))), /TRIPPED[\s\S]*by erika: a smell of ozone/)
  const record = gateway.records().findLast(({ kind }) => kind === 'trip-requested')
  assert.deepEqual([record?.subject, record?.reason], ['erika', 'a smell of ozone'])

  await page.until(says(ALARM, 'NOT ACKNOWLEDGED'))
  assert.match(await page.evaluate(`document.querySelector('#aloud').textContent`), /alarm: trip/)
  await page.click(`${ALARM} .acknowledge`)
  await page.until(says('#alarms', 'acknowledged by'))
  await page.until(shown(`${card('inlet-valve')} button.reset, ${card('coolant-pump')} button.reset`))
  for (const id of ['inlet-valve', 'coolant-pump']) {
    await page.evaluate(`document.querySelector('${card(id)} button.acknowledge').checkVisibility() &&
      document.querySelector('${card(id)} button.acknowledge').click()`)
    await page.until(shown(`${card(id)} button.reset`))
    await page.click(`${card(id)} button.reset`)
    await page.until(shown('#question'))
    await page.click('#question-yes')
    await page.until(says('#done', `reset ${id}: reset`))
  }
  await page.until(`!(${says(card('inlet-valve'), 'TRIPPED')})`)
  assert.deepEqual(page.complaints, [])
})

test('says once why a credential is worth nothing here, and asks no more', async () => {
  await using page = await open()
  const { credential } = await gateway.issue('alice', 'operator')
  const wrong = join(gateway.folder, 'wrong.credential')
  await writeFile(wrong, JSON.stringify({ ...credential, secret: Buffer.alloc(32, 1).toString('base64url') }))
  await signIn(page, wrong)
  await page.until(says('#sign-in-said', 'the signature is not the one that this credential makes'))
  await page.fill('#credential-text', 'not a credential')
  await page.click('#sign-in-submit')
  await page.until(says('#sign-in-said', 'not a credential file'))
  await page.letPass(60_000)
  assert.equal(page.requests.filter(url => url.includes('/v1/')).length, 1)
})

test('stops asking when the credential ends, and the agent has counted nothing against anybody', async () => {
  await using page = await open()
  await signIn(page, (await gateway.issue('eve', 'operator', '--lifetime', '8s')).file)
  await page.until(says(card('inlet-valve'), 'closed'))
  await page.until(says('#sign-in-said', 'your credential ends at'))
  const asked = page.requests.length
  await page.letPass(60_000)
  assert.equal(page.requests.length, asked)
  assert.equal(await page.evaluate(text('#actuators')), '')
  assert.deepEqual(
    gateway.records().filter(({ kind, subject }) => kind === 'refusal' && subject === 'eve'),
    [],
  )
})

test('shows whatever others have written as text, and never as markup', async () => {
  await using page = await open()
  const { file, credential } = await gateway.issue('erika', 'engineer')
  await gateway.client(agent.address, credential).trip('inlet-valve', HOSTILE)
  await signIn(page, file)
  await page.until(says(card('inlet-valve'), HOSTILE))
  await page.until(says(card('coolant-pump'), HOSTILE))
  await page.until(says('#alarms', HOSTILE))
  assert.equal(await page.evaluate(`document.querySelectorAll('main img, main script').length`), 0)
  await assert.rejects(page.evaluate(`document.body.innerHTML = '<p>'`), /TrustedHTML/)
})

test('is worked by the keyboard: Tab to the trip button, Enter, Enter', async () => {
  await using page = await open()
  const { file, credential } = await gateway.issue('alice', 'operator')
  await gateway.client(agent.address, credential).command('inlet-valve', 'open')
  await signIn(page, file)
  await page.until(says(card('inlet-valve'), 'open'))
  const focused = `document.activeElement.getAttribute('aria-label')`
  while ((await page.evaluate(focused)) !== 'Trip inlet-valve') await page.press('Tab')
  await page.press('Enter')
  await page.until(shown('#question'))
  assert.equal(await page.evaluate('document.activeElement.id'), 'question-yes')
  await page.press('Enter')
  await page.until(says('#done', 'tripped, and seen in its safe state'))
  assert.equal(gateway.plant.truth('inlet-valve.position'), 0)
})

test('whoever may only look sees before an emergency that the trip button is not theirs, and why', async () => {
  await using page = await open()
  await signIn(page, (await gateway.issue('vera', 'viewer')).file)
  await page.until(says(card('inlet-valve'), 'the role viewer may not trip'))
  assert.equal(
    await page.evaluate(`document.querySelector('${card('inlet-valve')} button.trip').disabled`),
    true,
  )
})

test('says what the agent refuses, and stays signed in: a valve that is stuck was not seen in its safe state', async () => {
  await using page = await open()
  await engineer.command('inlet-valve', 'open')
  await gateway.plant.faults.set({ kind: 'stuck', element: 'inlet-valve' })
  await signIn(page, (await gateway.issue('alice', 'operator')).file)
  await page.until(says(card('inlet-valve'), 'open'))
  await page.click(`${card('inlet-valve')} button.trip`)
  await page.click('#question-yes')
  await page.until(says('#done', 'trip inlet-valve: NOT DONE'))
  await page.until(says(card('inlet-valve'), 'TRIP FAILED'))
  await gateway.plant.faults.clear()
  await page.until(`!${says(card('inlet-valve'), 'TRIP FAILED')}`)
  assert.equal(await page.evaluate(shown('#plant')), true)
})

test('shelves an alarm with a reason, and takes it off the shelf', async () => {
  await using page = await open()
  const { credential } = await gateway.issue('bob', 'operator', '--actuator', 'coolant-pump')
  for (let asked = 0; asked < 2; asked += 1)
    await gateway.client(agent.address, credential).command('inlet-valve', 'open')
  await signIn(page, (await gateway.issue('alice', 'operator')).file)
  const item = `${ALARM}.warning`
  await page.until(says('#alarms', 'failed-authentications'))
  await page.click(`${item} .shelve`)
  await page.until(shown('#question'))
  await page.click('#question-yes')
  assert.equal(await page.evaluate(shown('#question')), true, 'a reason is wanted')
  await page.fill('#question-reason', 'load test')
  await page.click('#question-yes')
  await page.until(says('#alarms', ': load test'))
  await page.click(`${ALARM}.shelved .unshelve`)
  await page.until(`!document.querySelector('${ALARM}.shelved')`)
})

test('takes no credential where the browser gives it no cryptography, and says what to do', async () => {
  const { port } = new URL(agent.address)
  const rules = '--host-resolver-rules=MAP gateway.plant 127.0.0.1'
  await using page = await Browser.open(`http://gateway.plant:${port}/panel/`, [rules])
  await page.until(says('#sign-in-said', 'neither https nor on this same computer'))
  assert.equal(await page.evaluate(`document.querySelector('#sign-in-submit').disabled`), true)
})

test('works over TLS, behind a client certificate', async () => {
  const panel = await plant.client('panel-1', 'URI:spiffe://plant/panel-1')
  const address = String(agent.log.find(line => line.listener === 'panels' && line.address)?.address)
  // A browser without a window has nobody who chooses a certificate for it: this shows it in the browser's place.
  await using proxy = await certificateProxy(address, panel, server)
  const { credential, file } = await gateway.issue('alice', 'operator', '--spiffe', 'spiffe://plant/panel-1')
  await using page = await Browser.open(`https://127.0.0.1:${proxy.port}/panel/`, [
    '--ignore-certificate-errors',
  ])
  await page.until(shown('#sign-in'))
  await signIn(page, file)
  await page.until(says(card('inlet-valve'), 'closed'))
  await page.click(`${card('inlet-valve')} button.trip`)
  await page.click('#question-yes')
  await page.until(says('#done', 'tripped, and seen in its safe state'))
  const record = gateway.records().findLast(({ kind }) => kind === 'trip-requested')
  assert.deepEqual([record?.subject, record?.identity], ['alice', 'certificate spiffe://plant/panel-1'])
  assert.ok(credential.keyid.includes('spiffe='))
})

test('is readable in the light and in the dark, and nothing moves where a person likes it so', async () => {
  await using page = await open()
  const { file, credential } = await gateway.issue('alice', 'operator')
  await gateway.client(agent.address, credential).trip('inlet-valve')
  await signIn(page, file)
  await page.until(`document.querySelector('.unseen .mark')`)
  const style = (selector: string, property: string) =>
    page.evaluate<string>(`getComputedStyle(document.querySelector('${selector}')).${property}`)
  assert.equal(await style('.unseen .mark', 'animationName'), 'unseen')
  for (const scheme of ['light', 'dark'] as const) {
    await page.prefer(scheme, 'reduce')
    assert.equal(await style('.unseen .mark', 'animationName'), 'none')
    const ground = await style('.standing', 'backgroundColor')
    assert.equal(luminance(ground) > 0.5, scheme === 'light')
    for (const inked of ['.detail', '.when', 'h3', '.safe'])
      assert.ok(contrast(ground, await style(inked, 'color')) >= 7, `${inked} in the ${scheme}`)
    const [mark, ink] = [await style('.mark', 'backgroundColor'), await style('.mark', 'color')]
    assert.ok(contrast(mark, ink) >= 4.5, `${ink} on ${mark} in the ${scheme}`)
  }
  for (const width of [1024, 390]) {
    await page.resize(width, 768)
    assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, `${width}`)
  }
})

test('says so too of an agent that hangs, and takes it up again when it goes on', async () => {
  await using page = await open()
  await signIn(page, (await gateway.issue('alice', 'operator')).file)
  await page.until(says(card('inlet-valve'), 'closed'))
  process.kill(agent.pid, 'SIGSTOP')
  await page.until(says('#banner', 'THE AGENT IS LOST: no answer in time'))
  process.kill(agent.pid, 'SIGCONT')
  await page.until(`!${shown('#banner')}`)
  assert.equal(await page.evaluate(`document.body.classList.contains('stale')`), false)
})

test('says loudly that the agent is lost as soon as it is, and greys what it knew', async () => {
  await using page = await open()
  await signIn(page, (await gateway.issue('alice', 'operator')).file)
  await page.until(says(card('inlet-valve'), 'closed'))
  assert.equal(await page.evaluate(shown('#banner')), false)
  await agent.kill('SIGKILL')
  await page.until(shown('#banner'))
  assert.match(
    await page.evaluate(text('#banner')),
    /^THE AGENT IS LOST: no connection to the agent\. What you see is OLD\. Look at the plant itself\. It was told (?:just now|\d+s ago)\.$/,
  )
  const opacity = `getComputedStyle(document.querySelector('${card('inlet-valve')} .where')).opacity`
  assert.equal(await page.evaluate(opacity), '0.4')
  await page.click(`${card('inlet-valve')} button.trip`)
  await page.click('#question-yes')
  await page.until(says('#done', 'NOBODY KNOWS'))
})
