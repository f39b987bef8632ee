import assert from 'node:assert/strict'
import { test } from 'node:test'
import { monitor } from '../../../drivers/opcua/monitored.ts'
import type { Session } from '../../../drivers/opcua/once.ts'

interface Asked {
  readonly itemsToCreate: readonly {
    readonly itemToMonitor: { readonly nodeId: string }
    readonly requestedParameters: { readonly clientHandle: number }
  }[]
}

/** What a server said to a whole request. */
function fault(name: string): Error {
  return Object.assign(new Error(name), { response: { responseHeader: { serviceResult: { name } } } })
}

/** A server that takes so many nodes at once; how many it was asked for each time, and what it tells of under which number. */
function server(most: number, refusal = fault('BadTooManyOperations')) {
  const asked: number[] = []
  const told = new Map<number, string>()
  const session = {
    createMonitoredItems: async ({ itemsToCreate }: Asked) => {
      asked.push(itemsToCreate.length)
      if (itemsToCreate.length > most) throw refusal
      return {
        results: itemsToCreate.map(({ itemToMonitor, requestedParameters }) => {
          assert.ok(!told.has(requestedParameters.clientHandle), 'asked for twice')
          told.set(requestedParameters.clientHandle, itemToMonitor.nodeId)
          return { monitoredItemId: requestedParameters.clientHandle }
        }),
      }
    },
  } as unknown as Session
  return { session, asked, told }
}

const nodes = (count: number) =>
  Array.from({ length: count }, (_, place) => ({
    name: `p${place}`,
    nodeId: `ns=1;i=${place}`,
    sampling: 100,
  }))

const SILENT = Number.POSITIVE_INFINITY

for (const [count, most, says, parts] of [
  [0, 1000, SILENT, []],
  [1, 1, SILENT, [1]],
  [100, 1000, SILENT, [100]],
  [250, 1000, SILENT, [100, 100, 50]],
  [250, 100, SILENT, [100, 100, 50]],
  [120, 60, SILENT, [100, 50, 50, 20]],
  [7, 2, SILENT, [7, 3, 1, 1, 1, 1, 1, 1, 1]],
  [3, 1, SILENT, [3, 1, 1, 1]],
  [250, 1000, 1000, [100, 100, 50]],
  [120, 60, 60, [60, 60]],
  [7, 2, 2, [2, 2, 2, 1]],
  [3, 1, 1, [1, 1, 1]],
  [7, 2, 5, [5, 2, 2, 2, 1]],
  [7, 5, 2, [2, 2, 2, 1]],
] as const)
  test(`a server that takes ${most} nodes at once and says ${says} is asked for ${count} in parts that it takes, each node once and under its place`, async () => {
    const { session, asked, told } = server(most)
    const results = await monitor(session, 7, nodes(count), says)
    assert.deepEqual(asked, parts)
    assert.deepEqual(
      results.map(({ monitoredItemId }) => monitoredItemId),
      nodes(count).map((_, place) => place),
    )
    assert.deepEqual(
      [...told],
      nodes(count).map(({ nodeId }, place) => [place, nodeId]),
    )
  })

test('a server that takes not even one, or refuses for another reason, or does not answer, is not asked on and on', async () => {
  const none = server(0)
  await assert.rejects(monitor(none.session, 7, nodes(8), SILENT), /BadTooManyOperations/)
  assert.deepEqual(none.asked, [8, 4, 2, 1])
  for (const refusal of [fault('BadServiceUnsupported'), new Error('no answer in time')]) {
    const { session, asked } = server(0, refusal)
    await assert.rejects(monitor(session, 7, nodes(8), SILENT), refusal)
    assert.deepEqual(asked, [8])
  }
})
