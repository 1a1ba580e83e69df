// npm run build: the pages in dist/. The same sources give the same bytes.
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

/** Bundles the pages into a directory. */
export async function buildInto(dir) {
  mkdirSync(dir, { recursive: true });
  cpSync('static', dir, { recursive: true });
  const { metafile } = await build({
    entryPoints: ['src/app.ts', 'src/room.ts', 'src/peerjs.ts'], outdir: dir,
    bundle: true, minify: true, format: 'esm', target: 'es2022', legalComments: 'none', logLevel: 'warning', metafile: true,
  });
  const packages = new Set(Object.keys(metafile.inputs).flatMap((path) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []));
  writeFileSync(`${dir}/licenses.txt`, [...packages].sort().map(license).join('\n'));
}

/** The license of a package whose code is in the bundles, which wants to go along with it. */
function license(path) {
  const file = readdirSync(path).find((name) => /^license/i.test(name));
  if (!file) throw new Error(`${path} has no license`);
  return `${path.replace('node_modules/', '')}\n\n${readFileSync(`${path}/${file}`, 'utf8').trim()}\n`;
}

if (process.argv[2]) await buildInto(process.argv[2]);
