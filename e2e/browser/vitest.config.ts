import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['*.test.ts'], globalSetup: '../../web/client/test/build.ts', testTimeout: 60_000, hookTimeout: 60_000, maxWorkers: 2, minWorkers: 1 },
});
