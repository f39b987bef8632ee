import assert from 'node:assert/strict'
import { test } from 'node:test'
import { objectionTo } from '../../../drivers/opcua/answer.ts'

const request = (name: string, lists: object = {}) => ({
  schema: { name: `${name}Request` },
  requestHeader: { requestHandle: 7 },
  ...lists,
})
const GOOD = { name: 'Good', value: 0 }
const TOO_MANY = { name: 'BadTooManyOperations', value: 0x8010_0000 }
const response = (
  name: string,
  results?: readonly unknown[] | null,
  requestHandle = 7,
  serviceResult = GOOD,
) => ({
  schema: { name },
  responseHeader: { requestHandle, serviceResult },
  ...(results === undefined ? {} : { results }),
})
const TWO = [{}, {}]

test('an answer is one to its request: of its service, under its handle, with a result for each thing that was asked, or a no to all of it and none', () => {
  for (const [asked, given, objection] of [
    [request('Read', { nodesToRead: TWO }), response('ReadResponse', TWO), undefined],
    [request('Read', { nodesToRead: TWO }), response('ReadResponse', null, 7, TOO_MANY), undefined],
    [request('Write', { nodesToWrite: TWO }), response('WriteResponse', [], 7, TOO_MANY), undefined],
    [
      request('Write', { nodesToWrite: TWO }),
      response('WriteResponse', TWO, 7, TOO_MANY),
      'the server says BadTooManyOperations of the whole request, and gives results all the same',
    ],
    [
      request('Write', { nodesToWrite: TWO }),
      response('WriteResponse', null, 8, TOO_MANY),
      'the server answered request 8, and 7 was asked',
    ],
    [request('Write', { nodesToWrite: [] }), response('WriteResponse', null), undefined],
    [request('Publish'), response('PublishResponse', [1, 2, 3]), undefined],
    [request('CreateSubscription'), response('CreateSubscriptionResponse'), undefined],
    [request('Read'), response('WriteResponse'), 'the server answered Read with WriteResponse'],
    [request('Read'), response('ServiceFault'), 'the server answered Read with ServiceFault'],
    [request('Read'), response('ReadResponse', [], 8), 'the server answered request 8, and 7 was asked'],
    ...(
      ['nodesToRead', 'nodesToWrite', 'methodsToCall', 'itemsToCreate', 'subscriptionIds'] as const
    ).flatMap(list =>
      [undefined, null, [], [{}], [{}, {}, {}]].map(
        results =>
          [
            request('Any', { [list]: TWO }),
            response('AnyResponse', results),
            `the server gave ${results?.length ?? 0} results where 2 were asked for`,
          ] as const,
      ),
    ),
  ] as const)
    assert.equal(objectionTo(asked, given), objection)
})
