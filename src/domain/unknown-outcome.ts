/** It is not known whether a commit happened: ask again with the same token. */
export class UnknownOutcome extends Error {}
