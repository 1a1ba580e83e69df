# One image for every function: docker build --build-arg FUNCTION=iceservers .
#
# It contains only the static binary and the CA certificates (for rediss://). The image of signal also contains /inspect, which prints
# what Redis holds, because people who run containers may not have Go. It writes nothing, so its root can be read-only. There is no
# "# syntax" line and no here-document, so that engines without BuildKit's newer frontends can build it.
ARG GO_IMAGE=golang:1.26.8-alpine

# Go cross-compiles on the builder's own platform.
FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build
WORKDIR /src
COPY . .
ARG FUNCTION=signal
ARG TARGETOS
ARG TARGETARCH
RUN --mount=type=cache,target=/root/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOMODCACHE=/root/go/pkg/mod GOCACHE=/root/.cache/go-build \
    export GOWORK=off && go build -trimpath -buildvcs=false -ldflags "-s -w" -o /out/function ./functions/$FUNCTION && \
    if [ "$FUNCTION" = signal ]; then go -C tools build -trimpath -buildvcs=false -ldflags "-s -w" -o /out/inspect ./inspect; fi

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/ /
# A user without rights on the host; distroless calls this number nonroot.
USER 65532:65532
# signal: WebSockets, operations; iceservers: GET /ice-servers
EXPOSE 4000 4001 4002
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["/function", "-health"]
ENTRYPOINT ["/function"]

ARG FUNCTION=signal
ARG VERSION=dev
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="rejoin-$FUNCTION" \
      org.opencontainers.image.description="WebRTC signaling whose clients can vanish and come back" \
      org.opencontainers.image.source="https://github.com/rejoin-dev/rejoin" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"
