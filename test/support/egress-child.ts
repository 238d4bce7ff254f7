import { openEgress } from '../../src/runtime/egress.ts';

/** A process that posts a body to a URL and says what was answered: trust is a matter of its environment. */
const [, , url = '', body = ''] = process.argv;
await using egress = openEgress({ allowsLinkLocal: false });
const { status, text } = await egress.post(new URL(url), {}, body, new AbortController().signal);
console.log(`${status} ${text}`);
