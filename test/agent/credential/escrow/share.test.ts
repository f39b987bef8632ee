import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatGroups, readGroups } from '../../../../agent/credential/escrow/groups.ts'
import { parseScheme } from '../../../../agent/credential/escrow/scheme.ts'
import { formatShare, readShare, type Share } from '../../../../agent/credential/escrow/share.ts'
import { seededEntropy } from '../../../seeded-entropy.ts'

const randomBytes = seededEntropy('share')

const SHARE: Share = {
  environment: 'north-works',
  gateway: 'gateway-7',
  generation: 1,
  threshold: 3,
  shares: 5,
  index: 2,
  splitting: '00ff10',
  keyId: 'a1b2c3d4e5f6',
  value: Uint8Array.from({ length: 32 }, (_, place) => place * 8),
}
const TEXT = formatShare(SHARE)
const CODE_AT = TEXT.lastIndexOf(' ') + 1
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

describe('the text of a share', () => {
  it('is one line that says whose it is, in groups of five', () => {
    // Packed and checked by a program in Python that shares no code with ours.
    assert.equal(
      TEXT,
      'hf-share-1 north-works/gateway-7 g1 3-of-5 no.2 03ZHJ-18DJ9-RFAEF-BXG0T-1081W-G818S-60W4V-0J2GR-B1G61-GW3RJ-G2496-1650W-N2RBM-HG681-T3CE7-1T7GT-Z0ZKG-R36YB',
    )
  })

  it('is read back whatever the capitals, spaces and hyphens, and with O, I and L for 0 and 1', () => {
    const code = TEXT.slice(CODE_AT)
    const head = TEXT.slice(0, CODE_AT)
    for (const text of [
      TEXT,
      TEXT.toLowerCase(),
      `  ${TEXT.toUpperCase()}\r\n`,
      head + code.replaceAll('-', ''),
      head + code.replaceAll('-', '  '),
      head + [...code.replaceAll('-', '')].join(' '),
      head + code.replaceAll('0', 'O').replaceAll('1', 'l'),
      TEXT.replace('no.2', 'no 2').replace('3-of-5', '3 of 5').replace(' ', '   '),
    ]) {
      const answer = readShare(text)
      assert.deepEqual(answer.kind === 'share' ? answer.share : answer, SHARE, text)
    }
  })

  it('names the group in which one character is wrong, whichever it is', () => {
    for (let at = CODE_AT; at < TEXT.length; at++) {
      if (TEXT[at] === '-') continue
      const group = Math.floor((at - CODE_AT) / 6) + 1
      const wrong = ALPHABET[(ALPHABET.indexOf(TEXT[at] ?? '') + 1 + (at % 31)) % 32]
      const detail = refusalOf(TEXT.slice(0, at) + wrong + TEXT.slice(at + 1))
      assert.match(detail, new RegExp(`no. 2: group ${group} \\(.{5}\\) is not as it was written$`))
    }
  })

  it('names the first group that is wrong after characters changed places, were left out or doubled', () => {
    const groups = TEXT.slice(CODE_AT).split('-')
    const head = TEXT.slice(0, CODE_AT)
    const swapped = [groups[1], groups[0], ...groups.slice(2)].join('-')
    assert.match(refusalOf(head + swapped), /group 1 /)
    assert.match(
      refusalOf(head + groups.slice(0, -1).join('-')),
      /not the right length: 5 of 90 characters missing/,
    )
    assert.match(refusalOf(`${TEXT}-ABCDE`), /5 characters too many/)
    assert.match(refusalOf(TEXT.slice(0, -1)), /group 18 .*: 1 of 90 characters missing, near there/)
    assert.match(
      refusalOf(`${head}${groups.join('-').slice(1)}`),
      /group [12] .*: 1 of 90 characters missing/,
    )
    assert.match(refusalOf(`${head}U${TEXT.slice(CODE_AT + 1)}`), /group 1 .* has a "U", which no code has/)
  })

  it('is refused when its readable beginning was changed', () => {
    for (const [from, to] of [
      ['north', 'south'],
      ['gateway-7', 'gateway-8'],
      ['g1', 'g2'],
      ['3-of', '2-of'],
      ['of-5', 'of-6'],
      ['no.2', 'no.3'],
      ['no.2', 'no.0'],
    ] as const)
      assert.match(refusalOf(TEXT.replace(from, to)), /look at "hf-share-1/, `${from} to ${to}`)
  })

  it('is refused, in words, when it is something else', () => {
    assert.match(refusalOf('correct horse battery staple'), /does not begin with hf-share-1/)
    assert.match(refusalOf(TEXT.replace('share-1', 'share-2')), /version 2/)
    assert.match(refusalOf('hf-share-1 what is this'), /its beginning is not as in/)
    fc.assert(fc.property(fc.string(), text => readShare(`hf-share-1 ${text}`).kind === 'refused'))
  })

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 45, maxLength: 45 }), bytes => {
        assert.deepEqual(readGroups(formatGroups(bytes), 45), { kind: 'bytes', bytes })
      }),
    )
  })

  it('notices any two neighbours that changed places', () => {
    const text = formatGroups(randomBytes(45))
    for (let at = 0; at + 1 < text.length; at++) {
      const [one = '', two = ''] = [text[at], text[at + 1]]
      if (one === two || one === '-' || two === '-') continue
      assert.equal(readGroups(text.slice(0, at) + two + one + text.slice(at + 2), 45).kind, 'refused')
    }
  })
})

describe('how a key is split', () => {
  it('is written 3-of-5', () => {
    assert.deepEqual(parseScheme('3-of-5'), { kind: 'scheme', threshold: 3, shares: 5 })
    assert.deepEqual(parseScheme(' 2-OF-2 '), { kind: 'scheme', threshold: 2, shares: 2 })
    assert.deepEqual(parseScheme('16-of-16'), { kind: 'scheme', threshold: 16, shares: 16 })
  })

  it('is refused with the reason otherwise', () => {
    for (const [text, reason] of [
      ['', /write it as 3-of-5/],
      ['3of5', /write it as 3-of-5/],
      ['-3-of-5', /write it as 3-of-5/],
      ['5-of-3', /of 3 shares, 5 cannot be needed/],
      ['1-of-3', /every share is the key itself/],
      ['0-of-3', /at least two/],
      ['3-of-17', /16 shares at most/],
    ] as const) {
      const answer = parseScheme(text)
      assert.match(answer.kind === 'refused' ? answer.detail : '', reason, text)
    }
  })
})

function refusalOf(text: string): string {
  const answer = readShare(text)
  return answer.kind === 'refused' ? answer.detail : 'it was read'
}
