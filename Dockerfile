# One image for `slipway controller` with its gateway, for `slipway up` and for every other command. Made of what `make build` has built,
# by `make image`: Node, the bundle, the libraries that Node loads, and nothing else; no shell, no package manager. It is the same
# for the same inputs: whatever a step writes is dated like the rest.
ARG BASE=debian:bookworm-slim
FROM ${BASE} AS root
LABEL slipway.dev/build-stage=slipway
COPY node_modules/node/bin/node /image/usr/local/bin/node
COPY LICENSE package.json /image/opt/slipway/
COPY manifests/rbac /image/opt/slipway/manifests/rbac
COPY manifests/guardrails /image/opt/slipway/manifests/guardrails
COPY dist /image/opt/slipway/dist
# Node brings the authorities that it trusts; names are looked up by what the platform mounts into /etc.
RUN set -eu; \
    for library in $(ldd /image/usr/local/bin/node | grep -o '/lib[^ ]*' | sort -u); do \
      mkdir -p "/image$(dirname "$library")"; \
      cp --dereference "$library" "/image$library"; \
    done; \
    mkdir -p /image/etc /image/tmp /image/var/lib/slipway; \
    chmod 1777 /image/tmp /image/var/lib/slipway; \
    echo 'slipway:x:65532:65532::/var/lib/slipway:/sbin/nologin' >/image/etc/passwd; \
    echo 'slipway:x:65532:' >/image/etc/group; \
    echo 'hosts: files dns' >/image/etc/nsswitch.conf; \
    find /image -exec touch --no-dereference --date=@0 {} +

FROM scratch
COPY --from=root /image /
# Memory, as bin/slipway has it.
ENV MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=1048576 MALLOC_MMAP_THRESHOLD_=1048576
ENV HOME=/var/lib/slipway XDG_DATA_HOME=/var/lib/slipway PATH=/usr/local/bin
USER 65532:65532
EXPOSE 7080 7090 9443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["node", "/opt/slipway/dist/main.js", "health"]
ENTRYPOINT ["node", "--max-semi-space-size=4", "--heap-growing-percent=30", "--disable-warning=ExperimentalWarning", "/opt/slipway/dist/main.js"]
CMD ["--help"]
