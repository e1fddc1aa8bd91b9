import { addressMatcher, CommsError, type LeadDirectory } from '@pipe-comms/core'
import { findLeads } from './find-leads.ts'
import { LocalIndex } from './local-index.ts'
import { checkOptions, type EspoCrmDirectoryOptions } from './options.ts'
import { OtherScripts } from './other-scripts.ts'
import { leadWebhooks } from './webhook/lead-webhooks.ts'

/**
 * The leads, contacts and accounts of an EspoCRM. What the search brings counts only when a phone number parser says that it is the
 * address asked for; second numbers count too.
 * @example
 * const directory = espoCrmDirectory({ url: 'https://crm.example.com', apiKey, defaultRegion: 'FR' })
 * @throws CommsError `configuration_invalid`, naming each option that is missing or wrong.
 */
export function espoCrmDirectory(given: EspoCrmDirectoryOptions): LeadDirectory {
  const options = checkOptions(given)
  const { defaultRegion, plusTags } = options
  const matcher = addressMatcher({ plusTags, ...(defaultRegion === undefined ? {} : { defaultRegion }) })
  const index = options.localIndex ? new LocalIndex(options, matcher) : undefined
  const search = { options, matcher, scripts: new OtherScripts(options) }
  const webhooks = leadWebhooks(options, index)
  const watch = index && ((watching: Parameters<LocalIndex['watch']>[0]) => index.watch(watching))
  return {
    id: 'espocrm',
    async findByAddresses(addresses, { signal }) {
      if (signal.aborted) throw new CommsError('directory_unavailable', 'EspoCRM: stopped before asking')
      const known = index?.find(addresses) ?? new Map()
      // The index is always a little late: whom it does not know, the CRM may.
      const unknown = addresses.filter(({ value }) => !known.has(value))
      return unknown.length === 0 ? known : new Map([...known, ...(await findLeads(search, unknown, signal))])
    },
    ...(webhooks.length > 0 || watch ? { changes: { webhooks, ...(watch ? { watch } : {}) } } : {}),
  }
}
