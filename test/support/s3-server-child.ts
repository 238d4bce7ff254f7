import { buildApp } from 'fauxqs';

/**
 * An S3 server in a process of its own: it keeps objects in memory, whole or not at all, and believes every signature.
 * Two things in which it is not as S3 is are put right here. It takes bodies of up to 11 MiB; and it orders keys as a
 * reader of the language would, where S3 orders them by their bytes.
 */
String.prototype.localeCompare = function (this: string, that: string) {
  const one = String(this);
  if (one === that) return 0;
  return one < that ? -1 : 1;
};

const app = buildApp({ logger: false });
app.removeContentTypeParser('*');
app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: 2 ** 28 }, (_request, body, done) => done(null, body));
process.stdout.write(`${await app.listen({ host: '127.0.0.1', port: 0 })}\n`);

process.stdin.on('end', () => process.exit());
process.stdin.resume();
