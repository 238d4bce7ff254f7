import { describe } from 'node:test';
import { storeContract } from '../../test/contract/store.contract.ts';
import { upkeepRules } from '../../test/contract/store-upkeep.contract.ts';
import { dropSchema, postgresMissing, postgresUrl, schemaName } from '../../test/support/postgres.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openPostgres } from './postgres.ts';

const place = async () => {
  const schema = schemaName();
  return {
    open: () => openPostgres({ url: postgresUrl, schema, steady: systemSteady }),
    remove: () => dropSchema(schema),
  };
};

describe('the distributed store', { skip: postgresMissing }, () => {
  storeContract('PostgreSQL', place, { keeps: true });

  describe('store contract, upkeep: PostgreSQL', () => {
    upkeepRules((run) => async () => {
      const there = await place();
      try {
        await using store = await there.open();
        await run(store);
      } finally {
        await there.remove();
      }
    });
  });
});
