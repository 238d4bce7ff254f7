// amazon-connect-chatjs is made for browsers. These are the globals it looks for; with them, unmodified, it runs in
// Node 22 or newer (for its WebSocket). Set before chatjs is loaded, once a process.
import { createRequire } from 'node:module';

/** The `connect` object that chatjs puts on the window. Sessions of one region share one endpoint. */
export function loadChatjs({ endpoint, region = 'us-east-1' }) {
  globalThis.window = globalThis;
  globalThis.self = globalThis;
  globalThis.document ??= { createElement: () => ({}), head: { appendChild() {} }, addEventListener() {} };
  Object.defineProperty(globalThis, 'navigator', {
    value: { onLine: true, userAgent: 'node' },
    configurable: true,
    writable: true,
  });
  globalThis.addEventListener ??= () => {};
  createRequire(import.meta.url)('amazon-connect-chatjs');
  const { connect } = globalThis;
  connect.ChatSession.setGlobalConfig({ endpoint, region, loggerConfig: { useDefaultLogger: false } });
  return connect;
}
