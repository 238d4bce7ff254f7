/** The frames of the WebSocket, as chatjs needs them (text, JSON, always with a topic). */

export const chatTopic = 'aws/chat';

/** The envelope of a chat item: its content is a string of JSON, never an object. */
export function chatFrame(item: object): string {
  return JSON.stringify({ topic: chatTopic, contentType: 'application/json', content: JSON.stringify(item) });
}

export function subscribed(topics: readonly string[], isSuccess: boolean): string {
  return JSON.stringify({ topic: 'aws/subscribe', content: { status: isSuccess ? 'success' : 'failure', topics } });
}

export const heartbeat = JSON.stringify({ topic: 'aws/heartbeat' });

/** `statusCode` must be the number 200: anything else makes chatjs call the connection broken. */
export const pong = JSON.stringify({ topic: 'aws/ping', statusCode: 200, statusContent: 'OK' });

/** Text as one frame of a server: not masked, not compressed (RFC 6455, section 5.2). */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const head = length > 0xffff ? 10 : length > 125 ? 4 : 2;
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = 0x81;
  frame[1] = head === 10 ? 127 : head === 4 ? 126 : length;
  if (head === 4) frame.writeUInt16BE(length, 2);
  if (head === 10) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.write(text, head);
  return frame;
}
