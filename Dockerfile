# The frontend's image: a static binary, another one for a step whose results are cached under what that is (so it is the same
# as long as its code is), and the certificates that its steps need.
#
# Where no golang image can be pulled, replace the stage "build" by a folder that holds lambda-frontend, check-layers and
# ca-certificates.crt: docker buildx build --build-context build=bin/image/linux_amd64 . (make image does that).

ARG GO_VERSION=1.26

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS compile
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags "-s -w" -o /lambda-frontend ./cmd/lambda-frontend && \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -ldflags "-s -w -buildid=" -o /check-layers ./cmd/check-layers
RUN cp /etc/ssl/certs/ca-certificates.crt /ca-certificates.crt

# Of the platform that is built for, and without a step of its own: a folder in its place is looked up by that platform,
# and leaves the stage above out.
FROM compile AS build

FROM scratch
COPY --from=build --chmod=0755 /lambda-frontend /check-layers /
COPY --from=build --chmod=0644 /ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
LABEL moby.buildkit.frontend.network.none="true"
LABEL moby.buildkit.frontend.caps="moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests,moby.buildkit.frontend.contexts,moby.buildkit.frontend.gitquerystring,moby.buildkit.frontend.contexts.zstd"
ENTRYPOINT ["/lambda-frontend"]
