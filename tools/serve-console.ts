// npm run console: the console with hot reload, before a running gateway, by default that of
// npm start. Another one: npm run console -- http://127.0.0.1:18080
import { fileURLToPath } from "node:url";
import { createServer } from "vite";

const gateway = process.argv[2] ?? "http://127.0.0.1:8080";
const toGateway = { target: gateway, changeOrigin: true };

const server = await createServer({
  configFile: fileURLToPath(new URL("../console/vite.config.ts", import.meta.url)),
  server: {
    host: "127.0.0.1",
    proxy: {
      "^/millrace\\.v1\\.": toGateway,
      "^/(signals|status|docs|openapi\\.json|metrics|healthz|readyz)(/|\\?|$)": toGateway,
      "^/machines(\\?|$)": toGateway,
      "^/machines/summary(\\?|$)": toGateway,
      "^/machines/[^/]+/summary(\\?|$)": toGateway,
      "^/machines/[^/]+/signals/": toGateway,
    },
  },
});
await server.listen();
console.log(`The console of ${gateway}, with hot reload:`);
server.printUrls();
