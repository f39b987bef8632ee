import type { StatusCode } from 'node-opcua-client'
import { isGood } from './status.ts'

/** What a request has a list of, and its answer has a result for each (OPC 10000-4 §5). */
const LISTS = ['nodesToRead', 'nodesToWrite', 'methodsToCall', 'itemsToCreate', 'subscriptionIds'] as const

export interface Request extends Partial<Record<(typeof LISTS)[number], readonly unknown[] | null>> {
  readonly schema: { readonly name: string }
  readonly requestHeader: { readonly requestHandle: number }
}

export interface Response {
  readonly schema: { readonly name: string }
  readonly responseHeader: {
    readonly requestHandle: number
    /** What it says of the whole request. */
    readonly serviceResult: Pick<StatusCode, 'name' | 'value'>
  }
  readonly results?: readonly unknown[] | null
}

/**
 * What is wrong with an answer as an answer to this request; undefined where nothing is. The library takes whatever comes under the
 * number of a request, and the first of the results however many there are: the value of something else would be taken for
 * what was asked. One that refuses the whole request has no result for anything in it.
 */
export function objectionTo(request: Request, response: Response): string | undefined {
  const [asked, given] = [request.schema.name.replace(/Request$/, ''), response.schema.name]
  if (given !== `${asked}Response`) return `the server answered ${asked} with ${given}`
  const [handle, echoed] = [request.requestHeader.requestHandle, response.responseHeader.requestHandle]
  if (echoed !== handle) return `the server answered request ${echoed}, and ${handle} was asked`
  const { serviceResult: said } = response.responseHeader
  if (!isGood(said) && response.results?.length)
    return `the server says ${said.name} of the whole request, and gives results all the same`
  for (const list of isGood(said) ? LISTS : []) {
    const [wanted, got] = [request[list]?.length, response.results?.length ?? 0]
    if (wanted !== undefined && wanted !== got)
      return `the server gave ${got} results where ${wanted} were asked for`
  }
  return undefined
}
