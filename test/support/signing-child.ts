import { openSigner } from '../../src/outbox/signing.ts';
import { systemIds } from '../../src/runtime/ids.ts';

/** A process that opens the signer of a directory when it is told to, and says what it got. */
console.log('ready');
process.stdin.once('data', async () => {
  const { id, secretOf } = await openSigner(process.argv[2] ?? '', 'localhost', systemIds());
  console.log(`${id} ${secretOf('')}`);
});
process.stdin.on('end', () => process.exit());
