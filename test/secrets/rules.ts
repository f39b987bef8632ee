/** Something in a text that looks like a secret. */
export interface Finding {
  readonly rule: string
  /** From 1. */
  readonly line: number
  readonly value: string
}

interface Rule {
  readonly name: string
  readonly form: RegExp
  /** Whether a match is more than a form; a match is a finding unless this says no. */
  readonly isLikely?: (value: string) => boolean
}

/** What a secret looks like in a text. */
const RULES: readonly Rule[] = [
  { name: 'private key', form: /-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----/g },
  { name: 'age key', form: /AGE-SECRET-KEY-1[0-9A-Z]{20,}/g },
  {
    name: 'escrow share',
    form: /hf-share-[0-9]+ [a-z0-9/-]+ g[0-9]+ [0-9]+-of-[0-9]+ no\.[0-9]+ (?:[0-9A-Z]{5}-){10,}[0-9A-Z]{5}/gi,
  },
  { name: 'emergency sheet', form: /hf-glass-[0-9]+ [a-z0-9/-]+ (?:[0-9A-Z]{5}-){5,}[0-9A-Z]{5}/gi },
  { name: 'cloud access key', form: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g },
  { name: 'cloud API key', form: /\bAIza[0-9A-Za-z_-]{35}\b/g },
  { name: 'repository token', form: /\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}|glpat-[\w-]{20,})/g },
  { name: 'registry token', form: /\bnpm_[A-Za-z0-9]{36}\b/g },
  { name: 'chat token', form: /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/g },
  { name: 'Vault token', form: /\bhv[brs]\.[\w-]{20,}/g },
  { name: 'JSON web token', form: /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/g },
  { name: 'password in an address', form: /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@'"`$]+:[^\s/@'"`$]{3,}@/g },
  {
    name: 'bytes in hexadecimal',
    form: /(?<![0-9A-Za-z_+/-])[0-9a-fA-F]{32,}(?![0-9A-Za-z_+/-])/g,
    isLikely: value => bitsPerCharacter(value.toLowerCase()) > 2.6,
  },
  {
    name: 'bytes in base64',
    // A keyid is public, and its slashes would pass for base64.
    form: /(?<![0-9A-Za-z_+/=-])(?<!hf[0-9]:)[0-9A-Za-z_+/-]{40,}={0,2}/g,
    isLikely: value =>
      /[a-z]/.test(value) && /[A-Z]/.test(value) && /[0-9]/.test(value) && bitsPerCharacter(value) > 4.2,
  },
]

/** Finds what looks like a secret in a text. */
export function findSecrets(text: string): Finding[] {
  return RULES.flatMap(({ name, form, isLikely = () => true }) =>
    [...text.matchAll(form)]
      .filter(([value]) => isLikely(value))
      .map(({ 0: value, index }) => ({ rule: name, line: text.slice(0, index).split('\n').length, value })),
  )
}

/** Shannon's entropy of a text's characters: random hexadecimal comes near 4, random base64 near 5 at such lengths. */
function bitsPerCharacter(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}
