// Drives the client of docs/clients.md: prints what it is told, sends each line that it reads.
import { createInterface } from 'node:readline';
import { rejoin } from './rejoin.mjs';

let peer;
const session = rejoin(process.argv[2], {
  onSession({ resumed, peers }) {
    peer = peers[0]?.remoteClientId ?? peer;
    console.log('session', resumed ? 'resumed' : 'fresh');
  },
  onPresence({ info, remoteClientId }) {
    peer = remoteClientId ?? peer;
    console.log(info);
  },
  onAnswer({ info, requestId }) {
    console.log(info, requestId);
  },
  onMessage({ data }) {
    console.log('got', data.encryptedPayload);
  },
});
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'bye') session.close();
  else session.send(peer, 'iceCandidate', line);
});
