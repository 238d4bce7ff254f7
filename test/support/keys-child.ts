import { systemIds } from '../../src/runtime/ids.ts';
import { signingKeys } from '../../src/runtime/signing-key.ts';

/** A process that asks for the signing keys of a directory when it is told to, and says what it got. */
console.log('ready');
process.stdin.once('data', () => {
  try {
    const [key] = signingKeys(process.argv[2] ?? '', systemIds());
    console.log(`${key?.id} ${key?.secret.toString('hex')}`);
  } catch (failure) {
    console.log(String(failure));
  }
});
process.stdin.on('end', () => process.exit());
