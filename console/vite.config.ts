import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Developers point this at a running gateway. Host stays as the browser sent it: the gateway compares it with Origin.
const gateway = process.env.HOTLINE_GATEWAY ?? "http://127.0.0.1:8080";

export default defineConfig({
  // Relative, so that the page works under whatever path the gateway serves it.
  base: "./",
  plugins: [react()],
  build: {
    // The content policy allows no scripts and styles inside of the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    // What we pass on of others' work, with their licences.
    license: { fileName: "licenses.txt" },
    // One page that is open all day: one file, loaded once.
    chunkSizeWarningLimit: 800,
  },
  server: { proxy: { "/api": { target: gateway, ws: true } } },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/test/setup.ts"],
    restoreMocks: true,
    testTimeout: 20_000,
  },
});
