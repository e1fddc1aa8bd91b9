/** What is known of relays, as defaults of the options. */
export const PRESETS = {
  /**
   * MX Plan. The certificate is for this name, never for smtp.<your domain>. The figure is the one commonly quoted and not confirmed by
   * OVH: set `limits` when your offer differs. The sender must be the user.
   */
  ovh: { host: 'ssl0.ovh.net', port: 465, limits: [{ messages: 200, perMs: 3_600_000 }] },
} as const
