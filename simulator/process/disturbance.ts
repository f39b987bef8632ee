import type { Element, Elements } from './process.ts'

/** What the world does to a process and may change while it runs, by the kind of element. */
const DISTURBANCES = {
  tank: { name: 'demand', key: 'demand_l_s' },
  'cooling-loop': { name: 'heat-load', key: 'heat_load_kw' },
} as const satisfies Partial<Record<Element['kind'], { name: string; key: string }>>

type Disturbed = Extract<Element, { kind: keyof typeof DISTURBANCES }>

/** The disturbances of some elements, such as `tank.demand`. */
export function disturbancesOf(elements: ReadonlyMap<string, { readonly kind: Element['kind'] }>): string[] {
  return [...elements].flatMap(([name, { kind }]) =>
    kind === 'tank' || kind === 'cooling-loop' ? [`${name}.${DISTURBANCES[kind].name}`] : [],
  )
}

/** What each disturbance is now. */
export function disturbanceValues(elements: Elements): Map<string, number> {
  const values = new Map<string, number>()
  for (const [name, element] of elements) {
    if (element.kind === 'tank') values.set(`${name}.demand`, element.demand_l_s)
    if (element.kind === 'cooling-loop') values.set(`${name}.heat-load`, element.heat_load_kw)
  }
  return values
}

/** The elements with one disturbance changed, or in words why that cannot be. */
export function disturbed(elements: Elements, disturbance: string, value: number): Elements | string {
  const name = disturbance.slice(0, disturbance.lastIndexOf('.'))
  const element = elements.get(name)
  if (!disturbancesOf(elements).includes(disturbance) || !isDisturbed(element)) {
    return `the plant has no ${disturbance}; it has ${disturbancesOf(elements).join(', ') || 'no disturbance'}`
  }
  if (!(value >= 0)) return `${disturbance} cannot be less than 0`
  return new Map(elements).set(name, { ...element, [DISTURBANCES[element.kind].key]: value })
}

function isDisturbed(element: Element | undefined): element is Disturbed {
  return element?.kind === 'tank' || element?.kind === 'cooling-loop'
}
