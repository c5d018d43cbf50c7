// The committed bundle is what the sources give, and it is small. Run by `npm run check`.

import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const CAP_BYTES = 1024 * 1024;
const root = fileURLToPath(new URL("..", import.meta.url));

function filesOf(folder) {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.map((path) => [relative(folder, path), readFileSync(path)]));
}

const folder = mkdtempSync(join(tmpdir(), "hotline-console-"));
try {
  await build({ root, logLevel: "warn", build: { outDir: folder, emptyOutDir: true } });
  const fresh = filesOf(folder);
  let committed;
  try {
    committed = filesOf(join(root, "dist"));
  } catch {
    committed = new Map();
  }
  const names = new Set([...fresh.keys(), ...committed.keys()]);
  const stale = [...names].filter((name) => !fresh.get(name)?.equals(committed.get(name) ?? Buffer.alloc(0)));
  if (stale.length > 0) {
    console.error(`console: dist is not what the sources give (${stale.join(", ")}); run npm run build and commit dist.`);
    process.exitCode = 1;
  }
  const bytes = [...fresh.values()].reduce((sum, content) => sum + gzipSync(content, { level: 9 }).length, 0);
  console.log(`console: ${fresh.size} files, ${(bytes / 1024).toFixed(0)} KiB gzip of ${CAP_BYTES / 1024} KiB`);
  if (bytes > CAP_BYTES) {
    console.error("console: the bundle is too large; look for a dependency that can go.");
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
