/** What `sockets` is compared with: bare `ws` that answers a subscribe. */
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false, clientTracking: false });
server.on('connection', (socket) => {
  socket.on('message', () => {
    socket.send('{"topic":"aws/subscribe","content":{"status":"success","topics":["aws/chat"]}}');
  });
});
server.on('listening', () => console.log(`ready on ${(server.address() as AddressInfo).port}`));
