/** Collects what was opened and closes it in the opposite order, each once, even if one of them fails. */
export interface Lifetime extends AsyncDisposable {
  own<T extends AsyncDisposable>(resource: T): T;
  onEnd(run: () => unknown): void;
}

export function lifetime(): Lifetime {
  const stack: (() => unknown)[] = [];
  return {
    own(resource) {
      stack.push(() => resource[Symbol.asyncDispose]());
      return resource;
    },
    onEnd(run) {
      stack.push(run);
    },
    async [Symbol.asyncDispose]() {
      const failures: unknown[] = [];
      for (let close = stack.pop(); close; close = stack.pop()) {
        try {
          await close();
        } catch (failure) {
          failures.push(failure);
        }
      }
      if (failures.length > 0) throw new AggregateError(failures, 'could not close everything');
    },
  };
}
