import type { Connection, Result } from './postgres-connection.ts';
import { named } from './postgres-query.ts';

export type Run = (text: string, ...values: readonly unknown[]) => Promise<Result>;

/**
 * Statement after statement in a transaction: for what is rare and nobody waits for. It may be done twice where it is
 * not known whether it was, so it must leave the same the second time.
 */
export async function inTransaction<T>(connection: Connection, work: (run: Run) => Promise<T>): Promise<T> {
  return connection.run(
    async (session) => {
      await session.send([{ text: 'BEGIN' }]);
      const result = await work(async (text, ...values) => (await session.send([named(text, values)]))[0] as Result);
      session.commits();
      await session.send([{ text: 'COMMIT' }]);
      return result;
    },
    { isRepeatable: true },
  );
}
