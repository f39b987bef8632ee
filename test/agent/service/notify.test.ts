import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { execa } from 'execa'
import { notifierFor } from '../../../agent/service/notify.ts'
import { EXIT } from '../../../model/exit.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { Gateway, HOLDFAST, ROOT } from '../gateway.ts'

/** Stands in systemd's place: receives what is sent to NOTIFY_SOCKET. Node has no datagram sockets of this kind; Python has. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("listening", flush=True)
while True:
    for line in s.recv(4096).decode().splitlines():
        print(line, flush=True)
`

async function systemd() {
  const folder = await temporaryFolder()
  const path = join(folder.path, 'notify')
  const receiver = execa('python3', ['-c', RECEIVER, path], { reject: false, buffer: false, stdin: 'ignore' })
  const heard: string[] = []
  const waiting = new Set<{ text: string; resolve: () => void }>()
  createInterface({ input: receiver.stdout }).on('line', line => {
    heard.push(line)
    for (const waiter of waiting) if (line.startsWith(waiter.text)) waiter.resolve()
  })
  const hear = (text: string): Promise<void> => {
    if (heard.some(line => line.startsWith(text))) return Promise.resolve()
    return new Promise(resolve => waiting.add({ text, resolve }))
  }
  await hear('listening')
  const stop = async (): Promise<void> => {
    receiver.kill()
    await receiver
    await folder[Symbol.asyncDispose]()
  }
  return { path, heard, hear, [Symbol.asyncDispose]: () => stop() }
}

test('the agent tells systemd when it is ready and in what condition, that it lives, and that it stops', async () => {
  await using manager = await systemd()
  await using gateway = await Gateway.start()
  const agent = await gateway.startAgent({ NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: '400000' })
  await manager.hear('READY=1')
  await manager.hear('STATUS=carrying out commands')
  await manager.hear('WATCHDOG=1')
  assert.equal(await agent.kill('SIGTERM'), 0)
  await manager.hear('STOPPING=1')
})

test('an agent that drives actuators to safe when it stops asks systemd for as long as they may take', async () => {
  await using manager = await systemd()
  await using gateway = await Gateway.start({
    settings: [
      [['actuators', 'inlet-valve', 'on_stop'], 'safe'],
      [['actuators', 'coolant-pump', 'on_stop'], 'safe'],
      [['actuators', 'inlet-valve', 'travel_time'], '90s'],
    ],
  })
  const agent = await gateway.startAgent({ NOTIFY_SOCKET: manager.path })
  assert.equal(await agent.kill('SIGTERM'), 0)
  await manager.hear('EXTEND_TIMEOUT_USEC=')
  const asked = manager.heard.find(line => line.startsWith('EXTEND_TIMEOUT_USEC='))?.split('=')[1]
  const unit = readFileSync(join(ROOT, 'deploy/systemd/holdfast.service'), 'utf8')
  const own = Number(/^TimeoutStopSec=([0-9]+)s$/m.exec(unit)?.[1])
  assert.ok(Number(asked) > (own + 90) * 1_000_000, `${asked}`)
})

test('an agent that cannot use its master key is ready, and its status says why it carries nothing out', async () => {
  await using manager = await systemd()
  await using gateway = await Gateway.start({ enrolled: false })
  await gateway.startAgent({ NOTIFY_SOCKET: manager.path })
  await manager.hear('READY=1')
  await manager.hear('STATUS=not carrying out every command: master key:')
})

test('an agent that cannot start says why in its status too, and is not ready', async () => {
  await using manager = await systemd()
  await using gateway = await Gateway.start({ enrolled: false, settings: [[['environment'], 'No Name']] })
  const env = { NOTIFY_SOCKET: manager.path }
  const { exitCode } = await execa(HOLDFAST, ['agent', '--config', gateway.config], { env, reject: false })
  assert.equal(exitCode, EXIT.usage)
  await manager.hear('STATUS=not started: ')
  assert.match(manager.heard.join('\n'), /^STATUS=not started: .*holdfast\.yaml:[0-9]+:[0-9]+: environment/m)
  assert.ok(!manager.heard.includes('READY=1'))
})

test('where nobody listens nothing is sent, and a socket that is gone is reported once', async () => {
  const troubles: string[] = []
  await notifierFor(undefined, detail => troubles.push(detail)).ready('well')
  assert.equal(troubles.length, 0)
  const notifier = notifierFor('/nowhere/notify', detail => troubles.push(detail))
  await notifier.ready('well')
  await notifier.alive()
  assert.equal(troubles.length, 1)
})
