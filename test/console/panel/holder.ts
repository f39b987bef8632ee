/** Whose credential a page holds. */
export const HOLDER = {
  subject: 'olga',
  roles: ['operator'],
  caveats: [],
  environment: 'demo',
  gateway: 'gateway-1',
  until: 0,
}
