import { describe } from 'node:test';
import type { Blobs } from '../../src/blobs/blobs.ts';
import type { Where } from '../support/blob-places.ts';
import { endRules } from './blobs-ends.contract.ts';
import { keyRules } from './blobs-keys.contract.ts';
import { putRules } from './blobs-puts.contract.ts';

/** Where one store's objects live. */
export interface Place {
  /** The same for a process that is told. */
  readonly where: Where;
  /** Opens the store; after it was closed, the same one again. */
  open(): Promise<Blobs>;
  /** The names of all that is kept there, whether it can be seen through `Blobs` or not. */
  held(): Promise<string[]>;
  remove(): Promise<void>;
}

export type Run = (blobs: Blobs, place: Place) => Promise<void>;
/** Makes a test of something that is to be done with a store of its own. */
export type WithBlobs = (run: Run) => () => Promise<void>;

/** Chapter BL of SPEC.md for one implementation of `Blobs`: nothing here knows which. */
export function blobsContract(name: string, place: () => Promise<Place>): void {
  const withBlobs: WithBlobs = (run) => async () => {
    const there = await place();
    try {
      await using blobs = await there.open();
      await run(blobs, there);
    } finally {
      await there.remove();
    }
  };
  describe(`blobs contract: ${name}`, () => {
    putRules(withBlobs);
    keyRules(withBlobs);
    endRules(withBlobs);
  });
}
