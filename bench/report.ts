import { cpus } from 'node:os'
import type { Figure } from './figure.ts'

const WIDTH = 100

/** The figures as one JSON array. */
export function formatJson(figures: readonly Figure[]): string {
  return `${JSON.stringify(figures, null, 2)}\n`
}

/** The figures as a table for a person, each with a number that leads to what it was measured against. */
export function formatTable(figures: readonly Figure[]): string {
  const notes = [...new Set(figures.map(({ against }) => against))]
  const rows = figures.map(({ name, ours, limit, peer, ratio, unit, better, against }) => [
    name,
    quantity(ours),
    quantity(limit ?? peer),
    ratio === null ? '' : `${quantity(ratio)} ×`,
    unit,
    better,
    `[${notes.indexOf(against) + 1}]`,
  ])
  const table = [['', 'ours', 'limit', 'ratio', 'unit', 'better', ''], ...rows]
  const widths = table[0]?.map((_, column) => Math.max(...table.map(row => row[column]?.length ?? 0))) ?? []
  const lines = table.map(row =>
    row
      .map((cell, column) =>
        isNumeric(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
  const [cpu] = cpus()
  const machine = `Node ${process.version}, ${cpus().length} × ${cpu?.model ?? process.arch}, ${process.platform}`
  const legend = notes.map((note, index) => wrap(`[${index + 1}] The limit: ${note}.`))
  return `${machine}\n\n${lines.join('\n')}\n\n${legend.join('\n')}\n`
}

/** Breaks a text into lines that a terminal shows whole; all but the first stand under its words. */
function wrap(text: string): string {
  const lines: string[] = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line === '') lines[lines.length - 1] = word
    else if (line.length + word.length < WIDTH) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(`    ${word}`)
  }
  return lines.join('\n')
}

function isNumeric(column: number): boolean {
  return column >= 1 && column <= 3
}

/** Three significant digits are what a run repeats. */
function quantity(value: number | null): string {
  if (value === null) return ''
  return Number(value.toPrecision(3)).toLocaleString('en', { maximumSignificantDigits: 3 })
}
