// How Vite builds the console: hashed files that a strict Content-Security-Policy lets run.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  build: {
    target: "es2023",
    outDir: "dist",
    // The policy allows no data: addresses, and no script that is not a file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  worker: { format: "es" },
});
