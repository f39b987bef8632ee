// Draws the plant anew from its state, twice a second. One row for each tank and each cooling loop; the whole fills the window.

const SVG = 'http://www.w3.org/2000/svg'
const ROW = 262
/** How far above the floor of a tank its outlet is. */
const OUTLET = 30
const PERIOD_MS = 500
const byId = id => document.getElementById(id)

function draw(name, attributes, text) {
  const node = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  if (text !== undefined) node.textContent = text
  return node
}

/** What stands inside a vessel is written on its ground. */
function inside(...nodes) {
  const group = draw('g', { class: 'inside' })
  group.append(...nodes)
  return group
}

/** A value in words, and below it what its sensor shows where that is something else, and not by a little noise. */
function reading(state, signal, x, y, unit, digits, scale = 1) {
  const { is, shown } = state.signals[signal]
  const say = value => `${(value * scale).toFixed(digits)} ${unit}`
  const texts = [draw('text', { x, y, 'text-anchor': 'middle', class: 'value' }, say(is))]
  const isFaulty = state.faults.some(fault => fault.signal === signal)
  if (isFaulty || Math.abs(shown - is) * scale * 10 ** digits >= 5) {
    const below = { x, y: y + 18, 'text-anchor': 'middle', class: 'astray' }
    texts.push(draw('text', below, `shows ${say(shown)}`))
  }
  return texts
}

function isFaulty(state, name) {
  return state.faults.some(fault => fault.element === name || fault.signal?.startsWith(`${name}.`))
}

/** What is wrong with a machine, in a word below its name: its outline alone would be missed. */
function ailment(state, name, x, y) {
  const kinds = state.faults.filter(fault => fault.element === name).map(({ kind }) => kind)
  if (kinds.length === 0) return []
  return [draw('text', { x, y, 'text-anchor': 'middle', class: 'astray' }, kinds.join(', '))]
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
    draw('text', { x, y: y - 42, 'text-anchor': 'middle', class: 'name' }, name),
    ...ailment(state, name, x, y - 24),
    ...reading(state, `${name}.position`, x, y + 38, '% open', 0, 100),
    ...reading(state, `${name}.flow`, x, y + 78, 'l/s', 2),
  ]
}

function pump(state, name, x, y, hasCurve) {
  const speed = state.signals[`${name}.speed`].is
  return [
    draw('circle', { cx: x, cy: y, r: 18, class: machineClass(state, name, speed), id: `symbol-${name}` }),
    draw('path', { d: `M${x - 9},${y - 12} L${x + 16},${y} L${x - 9},${y + 12} Z`, class: 'machine' }),
    draw('text', { x, y: y - 42, 'text-anchor': 'middle', class: 'name' }, name),
    ...ailment(state, name, x, y - 25),
    ...reading(state, `${name}.speed`, x, y + 40, '% speed', 0, 100),
    ...(hasCurve ? reading(state, `${name}.flow`, x, y + 80, 'l/s', 2) : []),
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
  if (fills === undefined) return actuator(state, name, x, bottom - OUTLET)
  return [draw('text', { x: x - 60, y: bottom - OUTLET - 12, class: 'name' }, `${name} to ${fills}`)]
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
        : [
            draw(
              'text',
              { x: 80 + 130 * i, y: top + 166, 'text-anchor': 'middle', class: 'name' },
              `from ${from}`,
            ),
          ]),
    ]
  })
  const right = left + width
  const end = right + 130 * Math.max(1, outlets.length) + 20
  const isFlowing = state.signals[`${name}.outflow`].is > 0 || outlets.some(one => flows(state, one))
  return [
    pipe(`M${right},${bottom - OUTLET} H${end}`, isFlowing),
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
    inside(...reading(state, `${name}.level`, left + width / 2, top + 100, 'm', 2)),
    ...(state.signals[`${name}.overflow`].is > 0
      ? [draw('text', { x: right + 10, y: at(overflow_level_m), class: 'astray' }, 'overflows')]
      : []),
    ...outlets.flatMap((outlet, i) => outflow(state, outlet, right + 75 + 130 * i, bottom)),
    draw(
      'text',
      { x: end + 10, y: bottom - OUTLET + 6 },
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
    pipe(`M${left},${top + 60} H14 V${top + 162} H${left}`, isFlowing),
    ...pumps.flatMap((one, i) => actuator(state, one, 90 + 130 * i, top + 60)),
    draw('rect', { x: left, y: top + 30, width: 150, height: 145, class: 'wall' }),
    draw('rect', { x: left + 12, y: top + 140, width: 126, height: 24, class: 'heat' }),
    draw('text', { x: middle, y: top + 20, 'text-anchor': 'middle', class: 'name' }, name),
    inside(
      ...reading(state, `${name}.temperature`, middle, top + 74, '°C', 1),
      draw(
        'text',
        { x: middle, y: top + 158, 'text-anchor': 'middle' },
        `${state.disturbances[`${name}.heat-load`]} kW in`,
      ),
      draw(
        'text',
        { x: middle, y: top + 128, 'text-anchor': 'middle' },
        `${state.signals[`${name}.removed`].is.toFixed(1)} kW out`,
      ),
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

/** Fits the picture into the window. It never gets smaller: a value with a digit less must not make it jump. */
function frame(mimic) {
  const { x, y, width, height } = mimic.getBBox()
  const old = mimic.viewBox.baseVal ?? { width: 0, height: 0 }
  const wide = Math.max(old.width, Math.ceil((x + width) / 20) * 20)
  const high = Math.max(old.height, Math.ceil((y + height) / 20) * 20)
  mimic.setAttribute('viewBox', `0 0 ${wide} ${high}`)
}

/** The one line that is read from across the room: whether anything is wrong. */
function summarise({ faults, plcs }) {
  const expired = plcs.filter(({ watchdog }) => watchdog === 'expired').map(({ name }) => name)
  if (expired.length > 0) return [`watchdog of ${expired.join(', ')} expired`, 'trip']
  if (faults.length > 0) return [faults.length === 1 ? '1 fault' : `${faults.length} faults`, 'alarm']
  return ['no faults', '']
}

function say([text, className]) {
  const summary = byId('summary')
  // Set only when it is another: it is read aloud where somebody listens.
  if (summary.textContent !== text) summary.textContent = text
  summary.className = className
}

function show(state) {
  document.title = `${state.plant} · holdfast simulator`
  say(summarise(state))
  byId('clear').disabled = state.faults.length === 0
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
  frame(mimic)
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
    document.body.classList.remove('old')
  } catch {
    document.body.classList.add('old')
    say(['The simulator does not answer: what you see is old', 'trip'])
  }
  setTimeout(refresh, PERIOD_MS)
}

byId('clear').addEventListener('click', () => void fetch('/v1/faults', { method: 'DELETE' }))
void refresh()
