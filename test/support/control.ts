/** What the control API answered. */
export interface ControlAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: bodies are JSON, and tests look into them
  readonly body: any;
}

/** Asks the control API of the server there: `ask('POST /clock', { advance: '15s' })`. */
export function controlAt(endpoint: string, token?: string) {
  return async (target: string, body?: object): Promise<ControlAnswer> => {
    const [method = '', path = ''] = target.split(' ');
    const reply = await fetch(`${endpoint}/_tertulia${path}`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    return { status: reply.status, body: await reply.json() };
  };
}
