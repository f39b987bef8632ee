/** Remainders of each byte for the polynomial 0xA001, which is 0x8005 with its bits reversed. */
const REMAINDERS = Uint16Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder & 1) === 1 ? (remainder >> 1) ^ 0xa001 : remainder >> 1
  }
  return remainder
})

/** The CRC of a run of bytes (MODBUS over Serial Line V1.02 §6.2.2); its low byte goes on the wire first. */
export function crc(bytes: Buffer): number {
  let remainder = 0xffff
  for (const byte of bytes) remainder = (remainder >> 8) ^ (REMAINDERS[(remainder ^ byte) & 0xff] ?? 0)
  return remainder
}
