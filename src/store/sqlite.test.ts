import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeContract } from '../../test/contract/store.contract.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openSqlite } from './sqlite.ts';

storeContract(
  'SQLite in memory',
  async () => ({ open: async () => openSqlite(':memory:', systemSteady), async remove() {} }),
  {
    keeps: false,
  },
);

storeContract(
  'SQLite in a directory',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tertulia-store-'));
    return {
      open: async () => openSqlite(directory, systemSteady),
      remove: async () => rmSync(directory, { recursive: true }),
    };
  },
  { keeps: true },
);
