import { describe } from 'node:test';
import type { Store } from '../../src/store/store.ts';
import { appendRules } from './store-appends.contract.ts';
import { changeRules } from './store-changes.contract.ts';
import { dueLaneRules } from './store-due-lanes.contract.ts';
import type { Run } from './store-fixtures.ts';
import { keepingRules } from './store-keeping.contract.ts';
import { laneRules } from './store-lanes.contract.ts';
import { laneModelRules } from './store-lanes-model.contract.ts';
import { modelRules } from './store-model.contract.ts';
import { noticeRules } from './store-notices.contract.ts';
import { pageRules } from './store-pages.contract.ts';

/** Where one store's data live. */
export interface Place {
  /** Opens the store; after it was closed, the same one again. */
  open(): Promise<Store>;
  remove(): Promise<void>;
}

/**
 * Chapter ST of SPEC.md for one implementation of `Store`: nothing here knows which. `keeps` is false for a place whose
 * data end with the store that is open there.
 */
export function storeContract(name: string, place: () => Promise<Place>, { keeps }: { keeps: boolean }): void {
  const withStore = (run: Run) => async () => {
    const there = await place();
    try {
      await using store = await there.open();
      await run(store);
    } finally {
      await there.remove();
    }
  };
  describe(`store contract: ${name}`, () => {
    appendRules(withStore);
    changeRules(withStore);
    pageRules(withStore);
    laneRules(withStore);
    noticeRules(withStore);
    dueLaneRules(withStore);
    modelRules(withStore);
    laneModelRules(withStore);
    if (keeps) keepingRules(place);
  });
}
