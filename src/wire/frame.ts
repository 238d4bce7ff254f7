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
