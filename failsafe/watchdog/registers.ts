import type { Driver } from '../../drivers/driver.ts'
import type { Millis } from '../../model/time.ts'

/** Why a device could not be asked, or would not do it: in words. */
export class Trouble {
  readonly detail: string

  constructor(detail: string) {
    this.detail = detail
  }
}

/**
 * The points of one device, as its watchdog needs them: each request has the device's deadline, and whatever goes wrong comes
 * back in words. They go through the device's own driver, and so through the link and the queue that commands go through.
 */
export class Registers {
  readonly #driver: Driver
  readonly #timeout: Millis

  constructor(driver: Driver, timeout: Millis) {
    this.#driver = driver
    this.#timeout = timeout
  }

  async read(point: string): Promise<number | Trouble> {
    const result = await this.#driver.read(point, this.#timeout).catch(mistake)
    if (result instanceof Trouble) return result
    return result.kind === 'value' ? result.value : new Trouble(`${point} cannot be read: ${result.reason}`)
  }

  async write(point: string, value: number): Promise<Trouble | undefined> {
    const result = await this.#driver.write(point, value, this.#timeout).catch(mistake)
    if (result instanceof Trouble) return result
    return result.kind === 'accepted'
      ? undefined
      : new Trouble(`${point} cannot be written: ${result.reason}`)
  }

  /** Writes a value that is not there yet, and believes only what it reads back. */
  async set(point: string, value: number): Promise<Trouble | undefined> {
    const before = await this.read(point)
    if (before instanceof Trouble) return before
    if (before === value) return undefined
    const trouble = await this.write(point, value)
    if (trouble) return new Trouble(`${trouble.detail}; it holds ${before} and should hold ${value}`)
    const after = await this.read(point)
    if (after instanceof Trouble) return after
    return after === value
      ? undefined
      : new Trouble(`${point} was set to ${value}, and the device holds ${after}`)
  }
}

function mistake(error: Error): Trouble {
  return new Trouble(`a mistake in the driver: ${error.message}`)
}
