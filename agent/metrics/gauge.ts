import { Gauge, type Registry } from 'prom-client'

/** Adds a gauge whose values are read at the moment of a scrape; without a value there is no series. */
export type AddGauge = (
  name: string,
  help: string,
  labelNames: readonly string[],
  values: () => readonly (readonly [value: number, labels?: Readonly<Record<string, string>>])[],
) => void

export function gaugesIn(registry: Registry): AddGauge {
  return (name, help, labelNames, values) => {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        const now = values()
        this.reset()
        // A gauge without labels begins at 0, and what is not known is not 0.
        if (now.length === 0 && labelNames.length === 0) this.remove()
        for (const [value, labels] of now) this.set(labels ?? {}, value)
      },
    })
  }
}

export function bit(is: boolean): 0 | 1 {
  return is ? 1 : 0
}
