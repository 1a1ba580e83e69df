import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { at, channelOpens, Stage, talk } from './stage.js';
import { Turn } from './turn.js';

const relayed = test.skipIf(process.env['REJOIN_SKIP_COTURN'] === '1');
let stage: Stage;
let turn: Turn;
beforeEach(async () => {
  [stage, turn] = await Promise.all([Stage.open(), Turn.start()]);
});
afterEach(async () => {
  await stage?.end();
  await turn?.stop();
});

for (const transport of ['udp', 'tcp'] as const) {
  relayed(`with iceTransportPolicy relay the channel opens through coturn (${transport}), with what the server tells`, async () => {
    const server = await stage.server({ TURN_URLS: turn.url(transport), TURN_SECRET: turn.secret });
    const room = randomBytes(32).toString('hex');
    const extension = await stage.page(server, { fragment: `${at('extension', room)}&relay=1` });
    const wallet = await stage.page(server, { fragment: `${at('wallet', room)}&relay=1` });
    await channelOpens(extension, wallet);
    await talk(extension, wallet, 'relayed');
    const pairs = await Promise.all([extension, wallet].map((page) => page.evaluate(async () => {
      for (;;) { // a pair that is being checked again is not `succeeded` for a moment
        const { pc } = (window as unknown as { rejoin: { pc: RTCPeerConnection } }).rejoin;
        const stats = [...(await pc.getStats() as unknown as Map<string, Record<string, string | boolean>>).values()];
        const pair = stats.find((s) => s['type'] === 'candidate-pair' && s['nominated'] && s['state'] === 'succeeded');
        if (pair) return ['localCandidateId', 'remoteCandidateId'].map((id) => stats.find((s) => s['id'] === pair[id])?.['candidateType']);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })));
    expect(pairs).toEqual([['relay', 'relay'], ['relay', 'relay']]);
  });
}

relayed('coturn refuses credentials that have expired or are forged', async () => {
  const page = await stage.page(await stage.server());
  const gather = (credential: { username: string; credential: string }) =>
    page.evaluate(async (server) => {
      const pc = new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: 'relay' });
      const errors: number[] = [];
      const candidates: string[] = [];
      pc.onicecandidateerror = ({ errorCode }) => errors.push(errorCode);
      pc.onicecandidate = ({ candidate }) => candidate?.candidate && candidates.push(candidate.type ?? '');
      pc.createDataChannel('x');
      const done = new Promise((resolve) => (pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && resolve(0)));
      await pc.setLocalDescription();
      await done;
      pc.close();
      return { errors, candidates };
    }, { urls: turn.url('udp'), ...credential });
  expect(await gather(turn.credential(60))).toMatchObject({ candidates: ['relay'] });
  for (const bad of [turn.credential(-60), turn.credential(60, 'not the secret of this coturn')]) {
    expect(await gather(bad)).toEqual({ errors: [401], candidates: [] });
  }
});
