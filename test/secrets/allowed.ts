/** Values in one file that look like secrets and are none, or are secrets of nobody; each by its beginning. */
interface AllowedValues {
  readonly file: string
  readonly values: readonly string[]
  readonly why: string
}

/** A file of nothing but such values, as it was when somebody looked: with another content it is looked at again. */
interface AllowedFile {
  readonly file: string
  /** The first 12 hexadecimal digits of its SHA-256. */
  readonly whole: string
  readonly why: string
}

export type Allowed = AllowedValues | AllowedFile

const EMPTY_BODY = '47DEQpj8HBSa+/TI'
const WORKED_BODY = 'ENlfzV5yj6g3RWZU'
const WORKED_SIGNATURE = 'S3H6vFDkzM0E0V2U'

export const ALLOWED: readonly Allowed[] = [
  {
    file: 'package-lock.json',
    values: ['sha512-'],
    why: 'the hashes of public packages',
  },
  {
    file: 'test/agent/audit/journal/carrier.test.ts',
    values: ['f4b423ddaf15'],
    why: 'the identifier that the journal has for a kind of record',
  },
  {
    file: 'docs/CREDENTIAL_FORMAT.md',
    values: [
      '000102030405060708090a0b', // master key
      '00000015686f6c6466617374', // epoch message
      '90474bfb33e2ee25', // epoch key
      '84fb64aecd765282', // K0 to K4
      '46c46b3e50f5bc2d',
      '79fe78dbb0689dc2',
      '6b82e523bf9097d3',
      '6e7ea9b282e6fcbd',
      'bn6psoLm_L1OLnykavhi', // secret
      'f0f1f2f3f4f5f6f7f8f9', // nonce
      WORKED_BODY,
      'f3f7583b9d7d1d69', // the signature base's hash
      WORKED_SIGNATURE,
      'mC1HHFYkLLZOUkir63y8', // narrowed secret
      EMPTY_BODY,
      'Kydt2eTULWwhO8Doy0vX', // narrowed signature
    ],
    why: 'worked bytes, from a master key of 00, 01, 02, … that belongs to no gateway',
  },
  { file: 'test/signers/README.md', values: ['f0f1f2f3f4f5f6f7f8f9'], why: 'the nonce of the worked bytes' },
  {
    file: 'test/fuzz/corpus/content-digests.json',
    values: [WORKED_BODY, EMPTY_BODY],
    why: 'hashes of the worked body and of no body',
  },
  {
    file: 'test/fuzz/corpus/signatures.json',
    values: [WORKED_SIGNATURE],
    why: 'the signature of the worked bytes',
  },
  {
    file: 'test/fuzz/corpus/signature-inputs.json',
    values: ['0123456789abcdef'],
    why: 'a nonce that counts',
  },
  {
    file: 'test/fuzz/forms.test.ts',
    values: ['bm9ib2R5IHNob3VsZCBldmVy'],
    why: 'a sentence in base64: what a parser must not quote',
  },
  {
    file: 'agent/audit/note.ts',
    values: ['302e020100300506'],
    why: 'the head of every Ed25519 private key in DER (RFC 8410), without a key',
  },
  {
    file: 'test/agent/command/authenticate.test.ts',
    values: [EMPTY_BODY],
    why: 'the hash of no body',
  },
  {
    file: 'test/fuzz/corpus/keyids.json',
    values: ['demo/waterworks-1'],
    why: 'keyids, which are public, with a beginning that is not theirs',
  },
  {
    file: 'test/agent/credential/escrow/share.test.ts',
    values: ['hf-share-1 north-works/gateway-7'],
    why: 'a share of a key that counts',
  },
  {
    file: 'test/agent/credential/vault/master-key.test.ts',
    values: ['https://me:'],
    why: 'a setting that must be refused',
  },
  {
    file: 'test/agent/audit/checkpoint.test.ts',
    values: ['nCsUYapGGPo4dkMgIAUq', 'Az3grlgtzPICa5OS8npV'],
    why: 'public checkpoints of other logs, from the specification',
  },
  {
    file: 'test/agent/audit/note.test.ts',
    values: [
      'AYEKFALVFGyNhPJEMzD1',
      'ARpc2QcUPDhMQegwxbzh',
      'x08go/ZJkuBS9UG',
      'org+033de0ae',
      'PeterNeumann',
    ],
    why: 'the example of golang.org/x/mod/sumdb/note: its keys were published with it',
  },
  {
    file: 'test/agent/audit/verify.test.ts',
    values: ['PeterNeumann'],
    why: 'the public key of that example',
  },
  {
    file: 'docs/DEVICES.md',
    values: ['/dev/serial/', 'c02f74904564'],
    why: "the path of a serial adapter, as udev names it, and the fingerprint of a server's certificate",
  },
  {
    file: 'test/agent/audit/check_proof.py',
    values: ['277423177773'],
    why: "the order of Ed25519's group (RFC 8032 §5.1)",
  },
  {
    file: 'test/agent/credential/envelope.test.ts',
    values: ['000102030405060708090a0b'],
    why: 'a key that counts',
  },
  {
    file: 'test/agent/credential/file/key-text.test.ts',
    values: ['000102030405060708090a0b', 'AAECAwQFBgcICQoLDA0ODxAR'],
    why: 'a key that counts, in hexadecimal and in base64',
  },
  {
    file: 'test/agent/credential/escrow/shamir-vectors.json',
    whole: 'c27cc3a4210f',
    why: 'vectors of SLIP-39 and others, published to be shared',
  },
  {
    file: 'test/vectors/rfc6962-roots.json',
    whole: '978f83bb8a2a',
    why: 'hashes of Merkle trees over published inputs',
  },
  {
    file: 'test/vectors/rfc9421-b.2.5-hmac-sha256.json',
    whole: 'e3dca61852ad',
    why: 'the shared secret and signature that RFC 9421 prints',
  },
]
