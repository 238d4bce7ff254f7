import type { ContactPlace, ContactSearch, Term } from '../domain/search.ts';
import { digest, type Statement } from './plan.ts';

/** Searches of contacts as statements, the same for every database. Each gives rows {time, id}. */

/** One index serves each form: by start or by end, and by a term before either. Of several terms each has its own. */
export function searching(search: ContactSearch): Statement[] {
  return search.terms ? search.terms.map((term) => inTime(search, term)) : [inTime(search, undefined)];
}

/** The page, of what each statement found. Each gave its first ones in order, so that nothing is sorted that is not on it. */
export function joined({ newestFirst, limit }: ContactSearch, pages: readonly ContactPlace[][]): ContactPlace[] {
  const [first = [], ...more] = pages;
  if (more.length === 0) return first;
  const found = new Map(pages.flat().map((place) => [place.contactId, place]));
  const sorted = [...found.values()].sort(inOrder);
  return (newestFirst ? sorted.reverse() : sorted).slice(0, limit);
}

/** With one bound on either side: with two lower bounds SQLite reads from the farther one, and skips. */
function inTime(search: ContactSearch, term: Term | undefined): Statement {
  const { instanceId, from, to, newestFirst, past, limit } = search;
  const time = search.by === 'ended' ? 'ended_at' : 'initiated_at';
  const [table, id, has] = term === undefined ? ['contact', 'id', ''] : ['contact_term', 'contact', 'AND term = ?'];
  const [order, beyond, within] = newestFirst ? ['DESC', '<', '>='] : ['ASC', '>', '<='];
  const start = past ?? { time: newestFirst ? to + 1 : from, contactId: '' };
  return {
    sql: `SELECT ${time} AS time, ${id} AS id FROM ${table} WHERE instance = ? ${has}
     AND (${time}, ${id}) ${beyond} (?, ?) AND ${time} ${within} ? ORDER BY ${time} ${order}, ${id} ${order} LIMIT ?`,
    args: [
      instanceId,
      ...(term === undefined ? [] : [digest(term)]),
      ...[start.time, start.contactId],
      ...[newestFirst ? from : to, limit],
    ],
  };
}

function inOrder(one: ContactPlace, other: ContactPlace): number {
  return one.time - other.time || (one.contactId < other.contactId ? -1 : 1);
}
