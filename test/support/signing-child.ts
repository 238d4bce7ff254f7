import { openSigner } from '../../src/outbox/signing.ts';
import { systemIds } from '../../src/runtime/ids.ts';
import { fileKeeper } from '../../src/runtime/kept.ts';

/** A process that opens the signer of a directory when it is told to, and says what it got. */
console.log('ready');
process.stdin.once('data', async () => {
  const { id, secretOf } = await openSigner(fileKeeper(process.argv[2] ?? '', systemIds()), 'localhost', systemIds());
  console.log(`${id} ${secretOf('')}`);
});
process.stdin.on('end', () => process.exit());
