// Writes dist.sha256: what the page was built from and what came of it, as `sha256sum --check dist.sha256` reads it. The gateway's own tests
// compare it with the sources, so that a stale page is noticed where there is no Node. Run by `npm run build`.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const built = ["dist", "index.html", "package-lock.json", "package.json", "public", "src", "tsconfig.json", "vite.config.ts"];
const isTest = (path) => path.startsWith("src/test/") || /\.test\.tsx?$/.test(path);

function filesOf(name) {
  const entries = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.name === name);
  if (entries.length === 0) throw new Error(`console: there is no ${name}`);
  if (entries[0].isFile()) return [name];
  const below = readdirSync(join(root, name), { withFileTypes: true, recursive: true });
  return below.filter((entry) => entry.isFile()).map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

const files = built.flatMap(filesOf).filter((path) => !isTest(path));
const lines = files.sort().map((path) => `${createHash("sha256").update(readFileSync(join(root, path))).digest("hex")}  ${path}\n`);
writeFileSync(join(root, "dist.sha256"), lines.join(""));
