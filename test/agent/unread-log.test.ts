import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { Gateway, HOLDFAST } from './gateway.ts'

/** A pipe that is full, and whose reader reads nothing: a journal that hangs. */
async function fullPipe(folder: string) {
  const path = join(folder, 'log')
  await execa('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const filler = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  assert.throws(
    () => {
      for (;;) writeSync(filler, 'x')
    },
    { code: 'EAGAIN' },
  )
  closeSync(filler)
  return { writer: openSync(path, constants.O_WRONLY), break: () => closeSync(reader) }
}

test('while nobody takes a line of its log the agent gets ready, trips by hand, and stops', async () => {
  await using gateway = await Gateway.start()
  const pipe = await fullPipe(gateway.folder)
  await using stack = new AsyncDisposableStack()
  const stdio = ['ignore', pipe.writer, 'inherit'] as const
  const agent = spawn(HOLDFAST, ['agent', '--config', gateway.config], { stdio: [...stdio] })
  const ended = once(agent, 'exit')
  stack.defer(async () => {
    agent.kill('SIGKILL')
    await ended
  })
  closeSync(pipe.writer)
  const status = async () => await gateway.holdfast('status', '--agent', gateway.adminSocket)
  for (let tries = 0; tries < 60 && (await status()).exitCode !== 0; tries += 1);
  const tripped = await gateway.holdfast('trip', 'inlet-valve', '--agent', gateway.adminSocket)
  assert.equal(tripped.exitCode, 0, tripped.stderr)
  assert.match(tripped.stdout, /inlet-valve: tripped/)
  agent.kill('SIGTERM')
  for (let tries = 0; tries < 60 && (await status()).exitCode === 0; tries += 1);
  pipe.break()
  assert.deepEqual(await ended, [0, null])
})
