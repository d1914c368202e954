# One image for accessor, gateway, producer and bridge; the command picks one. Node runs the TypeScript as it is; only the console is built.
FROM node:24-slim AS node

FROM node AS console
WORKDIR /millrace
COPY package.json package-lock.json .npmrc tsconfig.json ./
RUN npm ci --ignore-scripts
COPY gen gen
COPY runtime runtime
COPY codec codec
COPY client client
COPY console console
COPY tools tools
RUN node tools/build-console.ts --out /console

FROM node
WORKDIR /millrace
COPY package.json package-lock.json .npmrc ./
# Optional packages are the embedded PostgreSQL and Node for `npm start`, which an image does not need.
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force
COPY gen gen
COPY runtime runtime
COPY access access
COPY codec codec
COPY client client
COPY local local
COPY accessor accessor
COPY gateway gateway
COPY producer producer
COPY bridge bridge
COPY --from=console /console console/dist
ENV NODE_ENV=production MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=131072
USER node
CMD ["node", "--max-semi-space-size=8", "--initial-old-space-size=64", "accessor/main.ts"]
