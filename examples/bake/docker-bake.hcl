# Base images of the runtimes that AWS supports, one for each architecture, and a function on one of them. Each has its cache
# in the registry: a runner that is new fetches no object and pulls no layer of what was built before.

variable "REGISTRY" {
  description = "where the frontend's image comes from, and where images and their caches are pushed to"
  default     = "localhost:5000"
}

variable "ARCHS" {
  description = "architectures, separated by commas; so are the runtimes of each family"
  default     = "amd64,arm64"
}

variable "NODE" { default = "nodejs22.x,nodejs24.x" }
variable "PYTHON" { default = "python3.11,python3.12,python3.13,python3.14" }
variable "JAVA" { default = "java11,java17,java21,java25" }
variable "DOTNET" { default = "dotnet10" }
variable "RUBY" { default = "ruby3.3,ruby3.4" }
variable "PROVIDED" { default = "provided.al2023" }

variable "FUNCTION" {
  description = "the runtime that the function is built on"
  default     = "nodejs24.x"
}

function "base" {
  params = [runtime, arch]
  result = "base-${replace(runtime, ".", "-")}-${arch}"
}

function "bases" {
  params = [runtimes]
  result = [for pair in setproduct(split(",", runtimes), split(",", ARCHS)) : base(pair[0], pair[1])]
}

function "cache" {
  params = [name, arch]
  result = "type=registry,ref=${REGISTRY}/cache:${name}-${arch}"
}

group "default" { targets = ["node", "python", "java", "dotnet", "ruby", "provided"] }
group "node" { targets = bases(NODE) }
group "python" { targets = bases(PYTHON) }
group "java" { targets = bases(JAVA) }
group "dotnet" { targets = bases(DOTNET) }
group "ruby" { targets = bases(RUBY) }
group "provided" { targets = bases(PROVIDED) }

# Every option of the frontend is a build argument here: LAMBDABASE_COMMIT, LAMBDABASE_REPOSITORY (a mirror), LAMBDABASE_LOCK.
target "lambda" {
  args   = { BUILDKIT_SYNTAX = "${REGISTRY}/lambda-frontend" }
  attest = ["type=provenance,disabled=true"] # Lambda takes a plain manifest, and no index with attestations
}

target "base" {
  name       = base(runtime, arch)
  matrix     = { runtime = split(",", join(",", [NODE, PYTHON, JAVA, DOTNET, RUBY, PROVIDED])), arch = split(",", ARCHS) }
  inherits   = ["lambda"]
  args       = { LAMBDABASE_RUNTIME = runtime, LAMBDABASE_ANNOTATIONS = "manifest" }
  platforms  = ["linux/${arch}"]
  tags       = ["${REGISTRY}/base:${runtime}-${arch}"]
  cache-from = [cache(runtime, arch)]
  cache-to   = ["${cache(runtime, arch)},mode=max"]
}

target "function" {
  name              = "function-${arch}"
  matrix            = { arch = split(",", ARCHS) }
  inherits          = ["lambda"]
  dockerfile-inline = <<EOT
FROM ${FUNCTION}
COPY app.mjs ./
CMD ["app.handler"]
EOT
  platforms         = ["linux/${arch}"]
  tags              = ["${REGISTRY}/function:${arch}"]
  cache-from        = [cache("function", arch), cache(FUNCTION, arch)]
  cache-to          = ["${cache("function", arch)},mode=max"]
}
