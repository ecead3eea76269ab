# docker buildx bake           the frontend's image
# docker buildx bake base      base images, all at once, sharing what they have in common

variable "REGISTRY" {
  description = "where images are pushed to"
  default     = "localhost:5000"
}

variable "PLATFORMS" {
  description = "platforms of base images, separated by commas"
  default     = "linux/amd64,linux/arm64"
}

variable "RUNTIMES" {
  description = "base images to build, separated by commas"
  default     = "nodejs20.x,python3.12"
}

group "default" {
  targets = ["frontend"]
}

target "frontend" {
  context   = "."
  tags      = ["${REGISTRY}/lambda-frontend"]
  platforms = ["linux/amd64", "linux/arm64"]
}

target "base" {
  name      = "base-${replace(runtime, ".", "-")}"
  matrix    = { runtime = split(",", RUNTIMES) }
  context   = "." # any folder: nothing of it is read but a lock file
  tags      = ["${REGISTRY}/base:${runtime}"]
  platforms = split(",", PLATFORMS)
  attest    = ["type=provenance,disabled=true"] # so that one platform is a plain manifest, as Lambda wants it
  args = {
    BUILDKIT_SYNTAX    = "${REGISTRY}/lambda-frontend"
    LAMBDABASE_RUNTIME = runtime
  }
}
