import { type Fault, serviceFault } from '../fault.ts';
import type { Bearer } from '../operations/operation.ts';
import type { TokenKind, Tokens, Verdict } from '../tokens/tokens.ts';

/** Who the `x-amz-bearer` header speaks for; anything but a good token of that kind is 403. */
export function authenticateBearer(
  tokens: Tokens,
  kind: TokenKind,
  token: string | undefined,
  now: number,
): Bearer | Fault {
  if (!token) return denied(`The x-amz-bearer header is missing: it must carry a ${kind} token.`);
  const verdict = tokens.verify(kind, token, now);
  return 'refused' in verdict ? denied(sentence(kind, verdict)) : verdict;
}

function denied(message: string): Fault {
  return serviceFault('participant', 'AccessDeniedException', message);
}

type Refused = Extract<Verdict, { refused: string }>;

const origin: Readonly<Record<TokenKind, string>> = {
  participant: 'StartChatContact or CreateParticipant',
  connection: 'CreateParticipantConnection',
  socket: 'CreateParticipantConnection',
};

function sentence(kind: TokenKind, verdict: Refused): string {
  switch (verdict.refused) {
    case 'malformed':
    case 'forged':
      return `The x-amz-bearer header does not hold a token of this server; it must carry the ${kind} token that ${origin[kind]} answered.`;
    case 'wrong-kind':
      return `The x-amz-bearer header holds a ${verdict.kind} token, but this operation takes a ${kind} token, from ${origin[kind]}.`;
    case 'expired':
      return `The ${kind} token expired at ${new Date(verdict.at).toISOString()}; get a new one from ${origin[kind]}.`;
  }
}
