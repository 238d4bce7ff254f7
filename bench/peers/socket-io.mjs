// A chat server with Socket.IO and better-sqlite3, as their users write it: a message is inserted, sent to its room, and
// acknowledged to its sender. WAL with synchronous=FULL: each insert is a commit of its own, on the disk before the next line.
//
//   node bench/peers/socket-io.mjs <database file> <port>

import { createServer } from 'node:http';
import Database from 'better-sqlite3';
import { Server } from 'socket.io';

const [, , file, port] = process.argv;

const database = new Database(file);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.exec(`
  CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, room TEXT NOT NULL, sender TEXT NOT NULL, content TEXT NOT NULL, sent_at INTEGER NOT NULL
  );
  CREATE INDEX IF NOT EXISTS messages_of_room ON messages (room, id);
`);
const insert = database.prepare('INSERT INTO messages (room, sender, content, sent_at) VALUES (?, ?, ?, ?)');

const server = createServer();
const io = new Server(server);

io.on('connection', (socket) => {
  socket.on('join', async (room, joined) => {
    await socket.join(room);
    joined({ ok: true });
  });
  socket.on('message', (room, content, sent) => {
    if (!socket.rooms.has(room) || typeof content !== 'string' || content.length > 1024) {
      sent({ ok: false });
      return;
    }
    const sentAt = Date.now();
    const { lastInsertRowid: id } = insert.run(room, socket.id, content, sentAt);
    io.to(room).emit('message', { id, room, sender: socket.id, content, sentAt });
    sent({ ok: true, id });
  });
});

server.listen(Number(port), '127.0.0.1');
