import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { card, openPanel, says, shown, text } from './rig.ts'

const ALARM = '#alarms > li'

describe('the panel, in a browser, on a real agent', { timeout: 120_000 }, () => {
  it('shows the plant to whoever signs in with a credential file, and keeps nothing of it elsewhere', async () => {
    await using rig = await openPanel()
    const { page, gateway } = rig
    assert.equal(await page.evaluate(text('#actuators')), '')
    const { file, credential } = await gateway.issue('alice', 'operator')
    await rig.signIn(file)
    await page.until(says(card('inlet-valve'), 'closed'))
    assert.match(await page.evaluate(text('#holder')), /^alice, operator, until .* left\)$/)
    assert.equal(await page.evaluate(text('#gateway')), 'waterworks-1 (demo)')
    assert.match(await page.evaluate(text('#health')), /Master key available/)
    assert.equal(await page.evaluate(`document.querySelector('#credential-file').files.length`), 0)
    assert.equal(
      await page.evaluate('localStorage.length + sessionStorage.length + document.cookie.length'),
      0,
    )
    assert.equal(
      await page.evaluate(`document.documentElement.outerHTML.includes('${credential.secret}')`),
      false,
    )
    await page.click('#sign-out')
    await page.until(shown('#sign-in'))
    assert.equal(await page.evaluate(text('#actuators')), '')
    assert.deepEqual(page.complaints, [])
    for (const request of page.requests) assert.ok(request.startsWith(rig.agent.address), request)
  })

  it('trips an actuator after one confirmation, which the plant shows, and its alarm and trip are acknowledged and reset', async () => {
    await using rig = await openPanel()
    const { page, gateway, agent } = rig
    const { file, credential } = await gateway.issue('erika', 'engineer')
    await gateway.client(agent.address, credential).command('inlet-valve', 'open')
    await rig.signIn(file)
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
    const record = gateway.records().find(({ kind }) => kind === 'trip-requested')
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

  it('says loudly that the agent is lost as soon as it is, and greys what it knew', async () => {
    await using rig = await openPanel()
    const { page, gateway, agent } = rig
    await rig.signIn((await gateway.issue('alice', 'operator')).file)
    await page.until(says(card('inlet-valve'), 'closed'))
    assert.equal(await page.evaluate(shown('#banner')), false)
    await agent.kill('SIGKILL')
    await page.until(shown('#banner'))
    assert.match(
      await page.evaluate(text('#banner')),
      /^THE AGENT IS LOST: no connection to the agent\. What you see is OLD: it was told \d+s ago/,
    )
    const opacity = `getComputedStyle(document.querySelector('${card('inlet-valve')} .where')).opacity`
    assert.equal(await page.evaluate(opacity), '0.4')
    await page.click(`${card('inlet-valve')} button.trip`)
    await page.click('#question-yes')
    await page.until(says('#done', 'NOBODY KNOWS'))
  })

  it('says so too of an agent that hangs, and takes it up again when it goes on', async () => {
    await using rig = await openPanel()
    const { page, gateway, agent } = rig
    await rig.signIn((await gateway.issue('alice', 'operator')).file)
    await page.until(says(card('inlet-valve'), 'closed'))
    process.kill(agent.pid, 'SIGSTOP')
    await page.until(says('#banner', 'THE AGENT IS LOST: no answer in time'))
    process.kill(agent.pid, 'SIGCONT')
    await page.until(`!${shown('#banner')}`)
    assert.equal(await page.evaluate(`document.body.classList.contains('stale')`), false)
  })

  it('says once why a credential is worth nothing here, and asks no more', async () => {
    await using rig = await openPanel()
    const { page, gateway } = rig
    const { credential } = await gateway.issue('alice', 'operator')
    const wrong = join(gateway.folder, 'wrong.credential')
    await writeFile(
      wrong,
      JSON.stringify({ ...credential, secret: Buffer.alloc(32, 1).toString('base64url') }),
    )
    await rig.signIn(wrong)
    await page.until(says('#sign-in-said', 'the signature is not the one that this credential makes'))
    const asked = page.requests.filter(url => url.includes('/v1/'))
    assert.equal(asked.length, 1)
    await page.evaluate('new Promise(resolve => setTimeout(resolve, 4500))')
    assert.deepEqual(
      page.requests.filter(url => url.includes('/v1/')),
      asked,
    )
    await page.fill('#credential-text', 'not a credential')
    await page.click('#sign-in-submit')
    await page.until(says('#sign-in-said', 'not a credential file'))
  })

  it('stops asking when the credential ends, and the agent has counted nothing against anybody', async () => {
    await using rig = await openPanel()
    const { page, gateway } = rig
    await rig.signIn((await gateway.issue('alice', 'operator', '--lifetime', '8s')).file)
    await page.until(says(card('inlet-valve'), 'closed'))
    await page.until(says('#sign-in-said', 'your credential ends at'))
    const asked = page.requests.length
    await page.evaluate('new Promise(resolve => setTimeout(resolve, 4500))')
    assert.equal(page.requests.length, asked)
    assert.equal(await page.evaluate(text('#actuators')), '')
    assert.deepEqual(
      gateway.records().filter(({ kind }) => kind === 'refusal'),
      [],
    )
  })

  it('shows whatever others have written as text, and never as markup', async () => {
    const hostile = '<img src=x onerror="document.title=1"><script>alert(1)</script>'
    await using rig = await openPanel({
      settings: [[['actuators', 'inlet-valve', 'description'], hostile]],
    })
    const { page, gateway, agent } = rig
    const { file, credential } = await gateway.issue('erika', 'engineer')
    await gateway.client(agent.address, credential).trip('inlet-valve', hostile)
    await rig.signIn(file)
    await page.until(says(card('inlet-valve'), hostile))
    await page.until(says('#alarms', hostile))
    assert.equal(await page.evaluate(`document.querySelectorAll('main img, main script').length`), 0)
    await assert.rejects(page.evaluate(`document.body.innerHTML = '<p>'`), /TrustedHTML/)
  })
})
