import { resolve } from 'node:path'
import { z } from 'zod'
import { CREDENTIAL_NAME_FORM } from '../credential/systemd/master-key.ts'
import {
  VAULT_ADDRESS_FORM,
  VAULT_KEY_FORM,
  VAULT_MOUNT_FORM,
  VAULT_NAMESPACE_FORM,
} from '../credential/vault/master-key.ts'
import type { MasterKeyConfig } from './config.ts'
import { timeout } from './forms.ts'

const generation = z.int('expected a generation, from 1').min(1).max(999_999_999).default(1)
const keyTimeout = timeout.default(10_000)
export const masterKeyForm = z.discriminatedUnion(
  'source',
  [
    z.strictObject({
      source: z.literal('tpm'),
      tcti: z.string().min(1).default('device:/dev/tpmrm0'),
      pcrs: z
        .string('expected a PCR selection such as sha256:7')
        .regex(
          /^(?:sha1|sha256|sha384|sha512):(?:1?[0-9]|2[0-3])(?:,(?:1?[0-9]|2[0-3]))*$/,
          'expected a PCR selection such as sha256:7',
        )
        .default('sha256:7'),
      timeout: keyTimeout,
    }),
    z.strictObject({
      source: z.literal('file'),
      path: z.string().min(1),
      sealed_under: z
        .string()
        .regex(CREDENTIAL_NAME_FORM, "expected a credential's name such as holdfast-file-key")
        .optional(),
      generation,
      timeout: keyTimeout,
    }),
    z.strictObject({
      source: z.literal('systemd-credential'),
      credential: z
        .string()
        .regex(CREDENTIAL_NAME_FORM, "expected a credential's name such as holdfast-master-key"),
      generation,
      timeout: keyTimeout,
    }),
    z.strictObject({
      source: z.literal('vault'),
      address: z
        .string()
        .regex(VAULT_ADDRESS_FORM, 'expected an address such as https://vault.plant.example:8200'),
      mount: z.string().regex(VAULT_MOUNT_FORM, 'expected a mount such as transit').default('transit'),
      key: z.string().regex(VAULT_KEY_FORM, "expected a transit key's name"),
      generation,
      namespace: z
        .string()
        .regex(VAULT_NAMESPACE_FORM, 'expected a namespace such as plant/north')
        .optional(),
      token_file: z.string().min(1),
      ca_file: z.string().min(1),
      timeout: keyTimeout,
    }),
  ],
  'expected a source: tpm, file, systemd-credential or vault',
)

/** The same with absolute paths. */
export function resolveMasterKey(file: z.output<typeof masterKeyForm>, folder: string): MasterKeyConfig {
  switch (file.source) {
    case 'tpm':
    case 'systemd-credential':
      return file
    case 'file': {
      const { sealed_under, path, ...rest } = file
      return { ...rest, path: resolve(folder, path), sealedUnder: sealed_under }
    }
    case 'vault': {
      const { token_file, ca_file, ...rest } = file
      return { ...rest, tokenFile: resolve(folder, token_file), caFile: resolve(folder, ca_file) }
    }
  }
}
