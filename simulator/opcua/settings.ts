/** How a PLC serves OPC UA. */
export interface OpcUaSettings {
  readonly port: number
  readonly namespace: string | undefined
  readonly security_policies: readonly SecurityPolicyName[]
  readonly security_modes: readonly ('Sign' | 'SignAndEncrypt')[]
  /** Whether a session needs no user. */
  readonly anonymous: boolean
  readonly users: readonly { readonly name: string; readonly password: string }[]
  /** The folder of its certificate and of those that it trusts. Without one it makes a certificate at each start. */
  readonly certificates: string | undefined
  /** Whether any client's certificate will do. */
  readonly trust_every_client: boolean
}

export type SecurityPolicyName = 'None' | 'Basic256Sha256' | 'Aes256_Sha256_RsaPss'
