/** chatjs ships no types for what its sessions hand out. */
// biome-ignore lint/suspicious/noExplicitAny: the library is untyped
export function loadChatjs(options: { endpoint: string; region?: string }): any;
