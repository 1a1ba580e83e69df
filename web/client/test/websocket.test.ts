import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { rejoinWebSocket, type RejoinWebSocket } from '../src/websocket.js';
import { newRoom, Participant, Socket } from './participant.js';
import { type Server, startServer } from './server.js';

let server: Server;
const undo: (() => void)[] = [];
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());
afterEach(() => undo.splice(0).forEach((f) => f()));

const Adapter = rejoinWebSocket({ WebSocket: Socket, backoff: { min: 5, max: 20 } });

interface Frame {
  info: string;
  remoteClientId?: string;
  requestId?: string;
  data?: { encryptedPayload: string };
}

/** What an application sees of the adapter. */
function open(room: string): { socket: RejoinWebSocket; frames: Frame[]; frame: (n: number) => Promise<Frame> } {
  const socket = new Adapter(`ws://127.0.0.1:${server.port}/${room}?target=extension&source=wallet`);
  undo.push(() => socket.close());
  const frames: Frame[] = [];
  socket.onmessage = ({ data }) => frames.push(JSON.parse(data) as Frame);
  const frame = async (n: number): Promise<Frame> => {
    while (frames.length <= n) await new Promise((resolve) => socket.addEventListener('message', resolve, { once: true }));
    return frames[n]!;
  };
  return { socket, frames, frame };
}

test('code written for the plain dialect gets resume, and hears nothing of it', async () => {
  const room = newRoom();
  const extension = new Participant({ url: `ws://127.0.0.1:${server.port}`, room, source: 'extension' });
  undo.push(() => extension.client.close());
  await extension.event('session');
  const { socket, frames, frame } = open(room);
  const { remoteClientId } = await frame(0);
  expect(frames[0]).toEqual({ info: 'remoteClientIsAlreadyConnected', remoteClientId: extension.client.clientId });
  socket.send(JSON.stringify({ requestId: '1', method: 'offer', targetClientId: remoteClientId, encryptedPayload: 'o' }));
  expect(await frame(1)).toEqual({ info: 'confirmation', requestId: '1' });

  const to = await extension.peer();
  const closed: unknown[] = [];
  socket.onclose = (event) => closed.push(event.code);
  socket.client.reconnect(50);
  await extension.event('peer', 0, (e) => e.change === 'suspended');
  await extension.client.send({ to, method: 'answer', payload: 'a' });
  expect(await frame(2)).toMatchObject({ info: 'remoteData', remoteClientId, data: { encryptedPayload: 'a' } });
  socket.send(JSON.stringify({ requestId: '2', method: 'iceCandidate', targetClientId: 'nobody', encryptedPayload: '' }));
  expect(await frame(3)).toEqual({ info: 'missingRemoteClientError', requestId: '2' });
  extension.client.close();
  expect(await frame(4)).toEqual({ info: 'remoteClientDisconnected', remoteClientId });
  expect(closed).toEqual([]);
  const end = new Promise((resolve) => socket.addEventListener('close', resolve));
  socket.close();
  expect(socket.readyState).toBe(socket.CLOSING);
  expect(closed).toEqual([]); // an event never comes before the call returns
  await end;
  expect(closed).toEqual([1000]);
  expect(socket.readyState).toBe(socket.CLOSED);
});
