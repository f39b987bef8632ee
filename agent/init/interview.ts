import { plain } from '../../model/plain.ts'
import { wrap } from '../../model/wrap.ts'
import { type Answers, type Known, QUESTIONS, type Question } from './questions.ts'

const WIDTH = 80

/** Somebody at a terminal. */
export interface Asker {
  /** Asks for one line; undefined when there will be none: interrupted, or the end of the input. */
  ask(prompt: string): Promise<string | undefined>
  say(text: string): void
}

export type Interview =
  | { readonly kind: 'answered'; readonly answers: Answers }
  /** Nothing was decided: the person went away. */
  | { readonly kind: 'interrupted' }
  /** What is missing or wrong, each with its option; nobody was there to ask. */
  | { readonly kind: 'mistakes'; readonly mistakes: readonly string[] }

/**
 * Gathers the answers to all questions: from options; from a person, where there is one; from what goes without saying, where `yes`
 * says so. Options that are wrong are said before anybody is asked anything.
 */
export async function interview(
  options: Answers,
  known: Known,
  asker: Asker | undefined,
  yes: boolean,
): Promise<Interview> {
  const mistakes = mistakesIn(options, known)
  if (mistakes.length > 0) return { kind: 'mistakes', mistakes }
  if (asker === undefined || yes) return withoutAsking(options, known, yes)
  let given: Answers = { ...options }
  for (const question of QUESTIONS) {
    if (!question.when(given, known) || given[question.key] !== undefined) continue
    const answer = await askOne(question, given, known, asker)
    if (answer === undefined) return { kind: 'interrupted' }
    given = { ...given, [question.key]: answer }
  }
  return { kind: 'answered', answers: given }
}

/** Asks until the answer is right. */
async function askOne(
  question: Question,
  given: Answers,
  known: Known,
  asker: Asker,
): Promise<string | undefined> {
  const fallback = question.fallback(given, known)
  asker.say(`\n${wrap(`${question.text}.`, WIDTH).join('\n')}\n`)
  const prompt = `  ${question.flag.slice(2)}${fallback === undefined ? '' : ` [${fallback}]`}: `
  for (;;) {
    const line = await asker.ask(prompt)
    if (line === undefined) return undefined
    const answer = line.trim() === '' ? fallback : line.trim()
    const mistake = answer === undefined ? 'an answer is needed' : question.mistake(answer, given, known)
    if (answer !== undefined && mistake === undefined) return answer
    asker.say(`${wrap(`${mistake}`, WIDTH).join('\n')}\n`)
  }
}

function mistakesIn(options: Answers, known: Known): string[] {
  return QUESTIONS.flatMap(({ key, flag, mistake }) => {
    const answer = options[key]
    const wrong = answer === undefined ? undefined : mistake(answer, options, known)
    return wrong === undefined ? [] : [plain(`${flag} ${answer}: ${wrong}`)]
  })
}

function withoutAsking(options: Answers, known: Known, yes: boolean): Interview {
  let given: Answers = { ...options }
  const missing: string[] = []
  for (const { key, flag, text, when, fallback } of QUESTIONS) {
    if (!when(given, known) || given[key] !== undefined) continue
    const own = fallback(given, known)
    if (own !== undefined) given = { ...given, [key]: own }
    if (own === undefined) missing.push(`${flag} is missing. ${text}`)
    else if (!yes) missing.push(`${flag} is missing. ${text}. --yes takes ${own}`)
  }
  return missing.length > 0 ? { kind: 'mistakes', mistakes: missing } : { kind: 'answered', answers: given }
}
