// npm run unchanged: fails when dist/, which is committed, is not what the sources give.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildInto } from './build.mjs';

const fresh = mkdtempSync(join(tmpdir(), 'rejoin-demo-'));
try {
  await buildInto(fresh);
  const names = new Set([...readdirSync(fresh), ...readdirSync('dist')]);
  for (const name of names) {
    if (!readdirSync('dist').includes(name) || !readdirSync(fresh).includes(name) || !readFileSync(join(fresh, name)).equals(readFileSync(join('dist', name)))) {
      console.error(`dist/${name} is not what the sources give: npm run build`);
      process.exitCode = 1;
    }
  }
} finally {
  rmSync(fresh, { recursive: true });
}
