import { systemIds } from '../../src/runtime/ids.ts';
import { fileKeeper } from '../../src/runtime/kept.ts';
import { signingKeys } from '../../src/runtime/signing-key.ts';

/** A process that asks for the signing keys of a directory when it is told to, and says what it got. */
console.log('ready');
process.stdin.once('data', async () => {
  try {
    const [key] = await signingKeys(fileKeeper(process.argv[2] ?? '', systemIds()), systemIds());
    console.log(`${key?.id} ${key?.secret.toString('hex')}`);
  } catch (failure) {
    console.log(String(failure));
  }
});
process.stdin.on('end', () => process.exit());
