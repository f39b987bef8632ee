import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import type { ClientTls } from '../../../client/agent-client.ts'
import type { Browser } from '../../browser.ts'

/** Gives the page a credential file, and presses the button. */
export async function signIn(page: Browser, file: string): Promise<void> {
  await page.choose('#credential-file', file)
  await page.click('#sign-in-submit')
}

/** Whether an element can be seen. */
export const shown = (selector: string) => `document.querySelector('${selector}')?.checkVisibility()`
/** The text of an element, as it can be seen. */
export const text = (selector: string) => `document.querySelector('${selector}')?.innerText ?? ''`
/** Whether an element's text has a part. */
export const says = (selector: string, part: string) =>
  `(${text(selector)}).includes(${JSON.stringify(part)})`
export const card = (id: string) => `#actuators > [data-id="${id}"]`

/** A port that takes TLS without a client certificate and goes on with TLS to an agent, with one. */
export async function certificateProxy(
  agent: string,
  client: ClientTls,
  server: { readonly certificate: string; readonly key: string },
): Promise<AsyncDisposable & { readonly port: number }> {
  const { hostname, port } = new URL(agent)
  const open = new Set<TLSSocket>()
  const [cert, key] = await Promise.all([readFile(server.certificate), readFile(server.key)])
  const proxy = createServer({ cert, key }, inside => {
    const { certificate, ca } = client
    const outside = connect({ host: hostname, port: Number(port), cert: certificate, key: client.key, ca })
    for (const socket of [inside, outside]) {
      open.add(socket)
      // Whichever end goes, the other goes with it.
      socket.on('error', () => {})
      socket.on('close', () => {
        open.delete(socket)
        inside.destroy()
        outside.destroy()
      })
    }
    inside.pipe(outside).pipe(inside)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    port: (proxy.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(proxy, 'close')
      proxy.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}
