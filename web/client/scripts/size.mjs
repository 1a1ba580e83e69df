// Says how large the entries are, bundled, minified and gzipped, and fails when the main one is over its limit.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const limit = 6.5 * 1024;

for (const entry of ['index', 'negotiation', 'websocket', 'react']) {
  const { outputFiles } = await build({
    entryPoints: [`src/${entry}.ts`], bundle: true, minify: true, format: 'esm', target: 'es2022', write: false, logLevel: 'error', external: ['react'],
  });
  const bytes = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  console.log(`${entry}: ${bytes} bytes gzipped`);
  if (entry === 'index' && bytes > limit) {
    console.error(`${entry} is over its limit of ${limit} bytes`);
    process.exitCode = 1;
  }
}
