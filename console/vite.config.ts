// How Vite builds the console: hashed files that a strict Content-Security-Policy lets run.
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

/** The page asks for what every view needs before the entry has run. */
const preloadCore: Plugin = {
  name: "preload-core",
  transformIndexHtml(_, { bundle = {} }) {
    return Object.values(bundle)
      .filter((file) => file.type === "chunk" && (file.name === "core" || file.name === "start"))
      .map(({ fileName }) => ({
        tag: "link",
        attrs: { rel: "modulepreload", href: `/${fileName}`, crossorigin: true },
        injectTo: "head",
      }));
  },
};

export default defineConfig({
  plugins: [preloadCore],
  root: fileURLToPath(new URL(".", import.meta.url)),
  build: {
    target: "es2023",
    outDir: "dist",
    // The policy allows no data: addresses, and no script that is not a file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        // What most views share is one file, since each costs a request before the first paint. The
        // entry needs none of it: it only asks for the files, all at once.
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            {
              name: "core",
              minShareCount: 3,
              test: (id) => !/open-worker|shell.views|preload-helper/.test(id),
            },
          ],
        },
      },
    },
  },
  worker: { format: "es" },
});
