import type { ChatKey } from '../domain/chat.ts';
import type { Tokens } from '../tokens/tokens.ts';
import type { Call } from './operation.ts';

/**
 * The URLs by which bytes are put and fetched. The signature covers the path and what is in the query, and nothing of the
 * host: such a URL works through any name that leads here, and after a restart.
 */

export type TransferKind = 'upload' | 'download';

/** What a URL is good for. */
export interface Grant {
  readonly chatKey: ChatKey;
  readonly chatId: string;
  /** Exclusive; epoch milliseconds. */
  readonly until: number;
}

/** The same arguments give the same URL. */
export function transferUrl(
  { tokens, settings }: Pick<Call, 'tokens' | 'settings'>,
  kind: TransferKind,
  id: string,
  grant: Grant,
): string {
  return settings.attachmentUrl(id, tokens.seal(purpose(kind, id), [grant.chatKey, grant.chatId, grant.until]));
}

/** What was granted to the bearer of a URL with that id and token; undefined if this server did not make it. */
export function grantOf(tokens: Tokens, kind: TransferKind, id: string, token: string): Grant | undefined {
  const sealed = tokens.unseal(purpose(kind, id), token) as [ChatKey, string, number] | undefined;
  return sealed && { chatKey: sealed[0], chatId: sealed[1], until: sealed[2] };
}

function purpose(kind: TransferKind, id: string): string {
  return `attachment ${kind} ${id}`;
}
