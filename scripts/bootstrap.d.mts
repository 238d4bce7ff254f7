// The types of bootstrap.mjs, which has to be plain JavaScript.

export const root: string;
export function isClone(folder: string): boolean;
export function nodeFor(folder: string, running?: string): Promise<string | undefined>;
export function noNode(folder: string, running?: string): string;
