import { headerOf, type Request } from './request.ts';

/**
 * Browsers call the API from the widget's own origin, without cookies. Errors carry these too: without them a client
 * sees a failed fetch in place of the error, and without the exposed names it cannot read what went wrong.
 */
export const corsHeaders = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'x-amzn-requestid, x-amzn-errortype, retry-after',
} as const;

/** The answer to a preflight, good for a day so that it is asked once. `*` would not cover `authorization`. */
export function preflightHeaders(request: Request): Record<string, string> {
  return {
    ...corsHeaders,
    'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
    'access-control-allow-headers':
      headerOf(request, 'access-control-request-headers') ?? 'authorization, content-type, x-amz-bearer',
    'access-control-max-age': '86400',
    vary: 'access-control-request-headers',
  };
}
