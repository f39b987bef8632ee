// Draws the plant anew from its state, twice a second. One row for each tank and each cooling loop.

const SVG = 'http://www.w3.org/2000/svg'
const ROW = 230
const PERIOD_MS = 500
const byId = id => document.getElementById(id)

function draw(name, attributes, text) {
  const node = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  if (text !== undefined) node.textContent = text
  return node
}

/** A value in words, and below it what its sensor shows where that is something else, and not by a little noise. */
function reading(state, signal, x, y, unit, digits, scale = 1) {
  const { is, shown } = state.signals[signal]
  const say = value => `${(value * scale).toFixed(digits)} ${unit}`
  const texts = [draw('text', { x, y, 'text-anchor': 'middle' }, say(is))]
  const isFaulty = state.faults.some(fault => fault.signal === signal)
  if (isFaulty || Math.abs(shown - is) * scale * 10 ** digits >= 5) {
    const below = { x, y: y + 16, 'text-anchor': 'middle', class: 'astray' }
    texts.push(draw('text', below, `shows ${say(shown)}`))
  }
  return texts
}

function isFaulty(state, name) {
  return state.faults.some(fault => fault.element === name || fault.signal?.startsWith(`${name}.`))
}

/** The class of a symbol's outline, and of its filling by how far it is on: 0, 1 or between. */
function machineClass(state, name, on) {
  const filling = on === 1 ? 'on' : on === 0 ? '' : 'moving'
  return `machine ${filling} ${isFaulty(state, name) ? 'faulty' : ''}`
}

function valve(state, name, x, y) {
  const position = state.signals[`${name}.position`].is
  const shape = `M${x - 18},${y - 14} L${x + 18},${y + 14} L${x + 18},${y - 14} L${x - 18},${y + 14} Z`
  return [
    draw('path', { d: shape, class: machineClass(state, name, position), id: `symbol-${name}` }),
    draw('text', { x, y: y - 24, 'text-anchor': 'middle', class: 'name' }, name),
    ...reading(state, `${name}.position`, x, y + 34, '% open', 0, 100),
    ...reading(state, `${name}.flow`, x, y + 66, 'l/s', 2),
  ]
}

function pump(state, name, x, y, hasCurve) {
  const speed = state.signals[`${name}.speed`].is
  return [
    draw('circle', { cx: x, cy: y, r: 18, class: machineClass(state, name, speed), id: `symbol-${name}` }),
    draw('path', { d: `M${x - 9},${y - 12} L${x + 16},${y} L${x - 9},${y + 12} Z`, class: 'machine' }),
    draw('text', { x, y: y - 26, 'text-anchor': 'middle', class: 'name' }, name),
    ...reading(state, `${name}.speed`, x, y + 36, '% speed', 0, 100),
    ...(hasCurve ? reading(state, `${name}.flow`, x, y + 68, 'l/s', 2) : []),
  ]
}

function actuator(state, name, x, y) {
  const element = state.elements[name]
  return element.kind === 'valve'
    ? valve(state, name, x, y)
    : pump(state, name, x, y, element.curve !== undefined)
}

function pipe(d, isFlowing) {
  return draw('path', { d, class: `pipe ${isFlowing ? 'flowing' : ''}` })
}

const flows = (state, name) => (state.signals[`${name}.flow`]?.is ?? 0) > 1e-6

/** Names of the elements that are piped to a vessel by one of their keys. */
function pipedTo(state, key, vessel) {
  return Object.keys(state.elements).filter(name => state.elements[name][key] === vessel)
}

/** What draws from a tank, or where it is drawn when it fills another one. */
function outflow(state, name, x, bottom) {
  const { fills } = state.elements[name]
  if (fills === undefined) return actuator(state, name, x, bottom - 98)
  return [draw('text', { x: x - 65, y: bottom - 24 }, `${name} to ${fills}`)]
}

function tank(state, name, top) {
  const { height_m, overflow_level_m } = state.elements[name]
  const level = state.signals[`${name}.level`].is
  const inlets = pipedTo(state, 'fills', name)
  const outlets = pipedTo(state, 'draws_from', name)
  const [left, width, height] = [60 + 130 * Math.max(1, inlets.length), 150, 150]
  const bottom = top + 25 + height
  const at = metres => bottom - (height * metres) / height_m
  const parts = inlets.map((inlet, i) => {
    const from = pipedFrom(state, inlet)
    return [
      ...(i === 0
        ? [
            pipe(
              `M20,${top + 50} H${left}`,
              inlets.some(one => flows(state, one)),
            ),
          ]
        : []),
      ...actuator(state, inlet, 80 + 130 * i, top + 50),
      ...(from === undefined
        ? []
        : [draw('text', { x: 80 + 130 * i, y: top + 158, 'text-anchor': 'middle' }, `from ${from}`)]),
    ]
  })
  const right = left + width
  const end = right + 130 * Math.max(1, outlets.length) + 20
  const isFlowing = state.signals[`${name}.outflow`].is > 0 || outlets.some(one => flows(state, one))
  return [
    pipe(`M${right},${bottom - 12} H${end}`, isFlowing),
    ...parts.flat(),
    draw('rect', { x: left, y: top + 25, width, height, class: 'wall' }),
    draw('rect', {
      x: left,
      y: at(level),
      width,
      height: bottom - at(level),
      class: 'water',
      id: `water-${name}`,
    }),
    draw('line', { x1: left, x2: right, y1: at(overflow_level_m), y2: at(overflow_level_m), class: 'limit' }),
    draw('text', { x: left + width / 2, y: top + 16, 'text-anchor': 'middle', class: 'name' }, name),
    ...reading(state, `${name}.level`, left + width / 2, top + 100, 'm', 2),
    ...(state.signals[`${name}.overflow`].is > 0
      ? [draw('text', { x: right + 10, y: at(overflow_level_m), class: 'astray' }, 'overflows')]
      : []),
    ...outlets.flatMap((outlet, i) => outflow(state, outlet, right + 75 + 130 * i, bottom)),
    draw(
      'text',
      { x: end + 8, y: bottom - 8 },
      `consumers ${state.signals[`${name}.outflow`].is.toFixed(2)} l/s`,
    ),
  ]
}

function pipedFrom(state, name) {
  return state.elements[name].draws_from
}

function loop(state, name, top) {
  const pumps = pipedTo(state, 'cools', name)
  const left = 60 + 130 * Math.max(1, pumps.length)
  const isFlowing = pumps.some(one => state.signals[`${one}.speed`].is > 0)
  const middle = left + 75
  return [
    pipe(`M${left},${top + 60} H30 V${top + 160} H${left}`, isFlowing),
    ...pumps.flatMap((one, i) => actuator(state, one, 90 + 130 * i, top + 60)),
    draw('rect', { x: left, y: top + 30, width: 150, height: 145, class: 'wall' }),
    draw('rect', { x: left + 12, y: top + 140, width: 126, height: 24, class: 'heat' }),
    draw('text', { x: middle, y: top + 20, 'text-anchor': 'middle', class: 'name' }, name),
    ...reading(state, `${name}.temperature`, middle, top + 80, '°C', 1),
    draw(
      'text',
      { x: middle, y: top + 157, 'text-anchor': 'middle' },
      `${state.disturbances[`${name}.heat-load`]} kW in`,
    ),
    draw(
      'text',
      { x: middle, y: top + 125, 'text-anchor': 'middle' },
      `${state.signals[`${name}.removed`].is.toFixed(1)} kW out`,
    ),
  ]
}

function list(id, items) {
  const entries = items.map(([text, className]) => {
    const entry = document.createElement('li')
    entry.textContent = text
    if (className) entry.className = className
    return entry
  })
  byId(id).replaceChildren(...entries)
}

function show(state) {
  document.title = `${state.plant} · holdfast simulator`
  byId('plant').textContent = state.plant
  const { mode, speed, elapsed_ms } = state.time
  const pace = mode === 'stepped' ? 'stepped' : speed === 1 ? 'real time' : `${speed} × real time`
  byId('time').textContent = `${(elapsed_ms / 1000).toFixed(1)} s since start, ${pace}`
  const vessels = Object.keys(state.elements).filter(name =>
    ['tank', 'cooling-loop'].includes(state.elements[name].kind),
  )
  const rows = vessels.flatMap((name, i) =>
    (state.elements[name].kind === 'tank' ? tank : loop)(state, name, i * ROW + 10),
  )
  const mimic = byId('mimic')
  mimic.replaceChildren(...rows)
  mimic.setAttribute('width', 980)
  mimic.setAttribute('height', vessels.length * ROW + 20)
  const classes = { expired: 'trip', running: '', off: '' }
  list(
    'plcs',
    state.plcs.map(({ name, host, port, unit, watchdog }) => [
      `${name}: ${host}:${port}, unit ${unit}, watchdog ${watchdog}`,
      classes[watchdog],
    ]),
  )
  const describe = ({ kind, ...keys }) =>
    [kind, ...Object.entries(keys).map(([key, value]) => `${key} ${value}`)].join(', ')
  list(
    'faults',
    state.faults.length === 0 ? [['none']] : state.faults.map(fault => [describe(fault), 'alarm']),
  )
}

async function refresh() {
  try {
    const response = await fetch('/v1/state')
    show(await response.json())
    byId('link').textContent = ''
  } catch {
    byId('link').textContent = 'The simulator does not answer: what you see is old'
  }
  setTimeout(refresh, PERIOD_MS)
}

byId('clear').addEventListener('click', () => void fetch('/v1/faults', { method: 'DELETE' }))
void refresh()
