/**
 * `*` is any text, `?` any one UTF-16 unit, the rest itself. Only the last `*` is ever tried again: a later one can take
 * over whatever an earlier one could. So the work is at most pattern × text steps, where a regular expression or a
 * recursion can take exponentially many.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  let [p, t, star, retry] = [0, 0, -1, 0];
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
