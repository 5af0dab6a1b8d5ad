# syntax=docker/dockerfile:1
# Serves the families in models/ on port 8080.
#
#   CPU (and, with a GPU and its Vulkan driver mounted, WebGPU):
#     docker build -t lextier .
#   CUDA: give a CUDA 12 runtime image with cuDNN 9; ONNX Runtime's CUDA 12 provider is then fetched from NuGet:
#     docker build -t lextier:cuda --build-arg BASE=nvidia/cuda:12.8.1-cudnn-runtime-ubuntu24.04 .
#     docker run --gpus all -p 8080:8080 lextier:cuda
ARG NODE=node:20-bookworm-slim
ARG BASE=${NODE}

# ---- TypeScript to JavaScript, with every dependency
FROM ${NODE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY training training
RUN npm run build

# ---- what the server needs at run time: no development, no training dependencies, no other platform's binaries
FROM ${NODE} AS dependencies
ARG BASE
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force
RUN case "${BASE}" in *cuda*) ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js ;; esac
RUN arch="$(node -p process.arch)" \
 && find node_modules/tokenizers -name 'tokenizers.*.node' ! -name "tokenizers.linux-${arch}-gnu.node" -delete \
 && find node_modules/onnxruntime-node/bin/napi-v6 -mindepth 2 -maxdepth 2 -type d ! -path "*/linux/${arch}" -exec rm -rf {} +

# ---- the image
FROM ${BASE}
# a CUDA image has no Node
COPY --from=build /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY models models
ENV NODE_ENV=production LEXTIER_HOST=0.0.0.0 LEXTIER_PORT=8080
# by number, so that Kubernetes can check that it is not root, and since not every base has an account for it
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.LEXTIER_MANAGEMENT_PORT || process.env.LEXTIER_PORT}/health/ready`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "dist/src/cli/main.js"]
CMD ["serve"]
