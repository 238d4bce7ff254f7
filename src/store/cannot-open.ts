/** Why a store could not be opened; the message is one line for a person. */
export class CannotOpen extends Error {}
