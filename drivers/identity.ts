/** What is known of something, by what a person calls it. */
export type Facts = Readonly<Record<string, string>>

/** What a device says about itself. */
export type Identity =
  | { readonly kind: 'identity'; readonly facts: Facts }
  | { readonly kind: 'failed'; readonly reason: string }
