import { z } from 'zod'
import type { OpcUaSettings } from '../opcua/settings.ts'

/** How a plant file says that a PLC serves OPC UA. */
export const opcuaForm = z
  .strictObject({
    port: z.int().min(0).max(0xffff),
    namespace: z
      .string()
      .regex(/^[a-z][a-z0-9+.-]*:\S+$/i, 'expected a URI such as urn:plant:water')
      .optional(),
    security_policies: z
      .array(z.enum(['None', 'Basic256Sha256', 'Aes256_Sha256_RsaPss']))
      .min(1)
      .default(['Basic256Sha256', 'Aes256_Sha256_RsaPss']),
    security_modes: z
      .array(z.enum(['Sign', 'SignAndEncrypt']))
      .min(1)
      .default(['Sign', 'SignAndEncrypt']),
    anonymous: z.boolean().default(false),
    users: z.array(z.strictObject({ name: z.string().min(1), password: z.string().min(1) })).default([]),
    /** A folder, from the plant file's. */
    certificates: z.string().min(1).optional(),
    trust_every_client: z.boolean().default(false),
  })
  .transform(({ namespace, certificates, ...rest }) => ({ ...rest, namespace, certificates }))
  .refine(({ certificates, trust_every_client }) => certificates !== undefined || trust_every_client, {
    error:
      'expected certificates, a folder in which clients are approved, or trust_every_client: true for a plant that nobody else can reach',
    path: ['certificates'],
  }) satisfies z.ZodType<OpcUaSettings>
