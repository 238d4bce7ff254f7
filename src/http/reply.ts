import type { Fault } from '../fault.ts';
import { corsHeaders } from './cors.ts';
import type { Reply } from './request.ts';

/** A modelled answer. */
export function jsonReply(requestId: string, status: number, body: unknown): Reply {
  return {
    status,
    headers: { ...corsHeaders, 'content-type': 'application/json', 'x-amzn-requestid': requestId },
    body: JSON.stringify(body),
  };
}

/**
 * An error as AWS SDKs read it: the type in a header, and in the body for browsers that may not read the header.
 * Both spellings of the message, because both are seen in the wild.
 */
export function faultReply(requestId: string, fault: Fault): Reply {
  const { type, status, message, members, retryAfterSeconds } = fault;
  const reply = jsonReply(requestId, status, { __type: type, ...members, Message: message, message });
  const retry: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  return { ...reply, headers: { ...reply.headers, ...retry, 'x-amzn-errortype': type } };
}
