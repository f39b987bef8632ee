import { quietLibrary } from './prints.ts'

type Library = typeof import('node-opcua-client')

/** What takes the bytes of a connection in. */
interface Builder {
  feed(bytes: Buffer): void
  _report_error(status: unknown, message: string): unknown
}

let loading: Promise<Library> | undefined

/**
 * The OPC UA library, loaded when the first device needs it: it takes a second and sixty megabytes. It has much to say on the
 * console, and some bytes of a server (an error message whose text is longer than it allows) are thrown out of it into nobody's
 * arms, which would end the agent: what it cannot take apart ends the connection instead. `test/drivers/opcua/fuzz.test.ts`
 * is where such bytes come from.
 */
export async function loadLibrary(): Promise<Library> {
  loading ??= import('node-opcua-client').then(library => {
    library.setWarningLogger(() => {})
    library.setErrorLogger(() => {})
    quietLibrary()
    const builder = library.MessageBuilder.prototype as unknown as Builder
    const feed = builder.feed
    builder.feed = function (bytes) {
      try {
        feed.call(this, bytes)
      } catch (error) {
        const reason = (error as Error).message.split('\n')[0]
        this._report_error(library.StatusCodes.BadTcpInternalError, `what came is no OPC UA: ${reason}`)
      }
    }
    return library
  })
  return await loading
}
