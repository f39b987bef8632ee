import type { Permission } from '../../model/role.ts'
import { type Authenticated, type Authenticator, authenticate } from '../command/authenticate.ts'
import { authorizeRequest } from '../command/authorize.ts'
import { type Rates, unlessTooEarly } from '../command/rates.ts'
import type { Received } from '../command/received.ts'
import { Refused } from '../command/refused.ts'

/** Who asks: for everything but commands, which the pipeline authenticates itself. */
export class Callers {
  readonly #authenticator: Authenticator
  readonly #rates: Rates

  constructor(authenticator: Authenticator, rates: Rates) {
    this.#authenticator = authenticator
    this.#rates = rates
  }

  /** Whoever signed it, counted. Commands are counted where towards safe is excepted. */
  signer(received: Received): Authenticated | Refused {
    const authenticated = this.#authenticate(received)
    if (authenticated instanceof Refused) return authenticated
    const tooMany = this.#rates.check(authenticated)
    return tooMany ? new Refused(tooMany, authenticated.who) : authenticated
  }

  /** Who may administer: whoever may open the admin socket, undefined here, or one whose credential allows it. */
  administrator(received: Received, permission: Permission): Authenticated | Refused | undefined {
    if (received.channel.admin && !received.fields.has('signature')) return undefined
    return this.#allowed(received, permission)
  }

  /**
   * Who may do what goes towards safe: as an administrator, and however often. A rate must not stand between a person and
   * a stop; between a forger and the evidence against them it does.
   */
  stopper(received: Received, permission: Permission): Authenticated | Refused | undefined {
    if (received.channel.admin && !received.fields.has('signature')) return undefined
    const authenticated = this.#authenticate(received)
    if (authenticated instanceof Refused) return authenticated
    return authorizeRequest(authenticated, permission) ?? authenticated
  }

  /** Who may read: whoever may open a unix socket, and on other listeners whoever signs with a role that may. */
  reader(received: Received): Authenticated | Refused | undefined {
    if (received.channel.identity !== undefined && !received.fields.has('signature')) return undefined
    return this.#allowed(received, 'read')
  }

  #authenticate(received: Received): Authenticated | Refused {
    const authenticated = authenticate(received, this.#authenticator)
    return authenticated instanceof Refused ? unlessTooEarly(received, authenticated) : authenticated
  }

  #allowed(received: Received, permission: Permission): Authenticated | Refused {
    const authenticated = this.signer(received)
    if (authenticated instanceof Refused) return authenticated
    return authorizeRequest(authenticated, permission) ?? authenticated
  }
}
