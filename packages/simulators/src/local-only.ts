import type { serve } from '@hono/node-server'

type Handler = Parameters<typeof serve>[0]['fetch']

const LOCAL = /^(127\.\d+\.\d+\.\d+|localhost|[\w-]+\.localhost|\[::1\])$/

/**
 * Refuses what a web page elsewhere makes a browser on this machine send: with a `Host` that is not this machine (a name that was pointed
 * at 127.0.0.1), or with the `Origin` of another site. https://owasp.org/www-community/attacks/DNS_Rebinding
 */
export function localOnly(fetch: Handler): Handler {
  return (request, env) => {
    const origin = request.headers.get('origin')
    const isLocal = LOCAL.test(hostOf(request.url)) && (origin === null || LOCAL.test(hostOf(origin)))
    return isLocal ? fetch(request, env) : Response.json({ error: 'Expected a call from this machine' }, { status: 403 })
  }
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : ''
}
