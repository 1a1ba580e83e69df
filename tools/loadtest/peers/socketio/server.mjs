// What the load test measures of Socket.IO: two in a room, each with a Socket.IO room of its own that the other sends to, over the Redis
// Streams adapter and with connection state recovery. An event that was sent is acknowledged, as the client's retries need it.
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';

const redis = createClient({ url: process.env.REDIS_URL });
await redis.connect();
const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  serveClient: false,
  // The default of 10,000 entries would be gone in the seconds that a client is away.
  adapter: createAdapter(redis, { maxLen: 200_000, onlyPlaintext: true }),
  connectionStateRecovery: { maxDisconnectionDuration: 60_000, skipMiddlewares: true },
});

io.on('connection', (socket) => {
  const { room, role } = socket.handshake.query;
  const own = `${room}-${role}`;
  const peer = `${room}-${role === 'wallet' ? 'extension' : 'wallet'}`;
  if (!socket.recovered) {
    socket.join(own);
    io.to(own).emit('hello'); // a client without an offset cannot be recovered, and only a broadcast has one
  }
  socket.on('m', (message, sent) => {
    io.to(peer).emit('m', message);
    sent();
  });
});

http.listen(Number(process.env.PORT), process.env.HOST);
process.on('SIGTERM', () =>
  io.close(async () => {
    await redis.close(); // once the sessions are stored
    process.exit();
  }),
);
