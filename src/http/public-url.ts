/** Every absolute URL that is handed out derives from these. */
export interface PublicUrls {
  readonly base: string;
  /** The same for WebSockets: `ws` or `wss`. */
  readonly socketBase: string;
  /** The path of the base, without a slash at its end; '' for none. */
  readonly pathPrefix: string;
  /** What a person should know before relying on it. */
  readonly warning: string | undefined;
}

/** `set` is the setting; without it the server is where it listens, on this machine. */
export function publicUrls(set: string | undefined, port: number, isTls: boolean): PublicUrls {
  const base = set ?? `${isTls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const url = new URL(base);
  const isPlain = url.protocol === 'http:';
  // chatjs takes wss:// of any host, and ws:// of this one spelling of the loopback address alone.
  const host = isPlain && url.hostname === 'localhost' ? '127.0.0.1' : url.hostname;
  const port_ = url.port === '' ? '' : `:${url.port}`;
  const pathPrefix = url.pathname === '/' ? '' : url.pathname;
  return {
    base,
    socketBase: `${isPlain ? 'ws' : 'wss'}://${host}${port_}${pathPrefix}`,
    pathPrefix,
    warning:
      isPlain && host !== '127.0.0.1'
        ? `${base} is plain http: amazon-connect-chatjs opens WebSockets only by wss://, or at 127.0.0.1; use an https URL`
        : undefined,
  };
}
