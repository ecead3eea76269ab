# A function whose image is built by what applies this, with the Dockerfile in the folder function/. It is built anew where a file
# of that folder is another one, lambda.lock.json included. docker is logged in to the registry, which is one of ECR and has the
# frontend's image.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}

variable "registry" { type = string }
variable "role" { type = string }

locals {
  folder  = "${path.module}/function"
  version = sha256(join("", [for file in sort(fileset(local.folder, "**")) : filesha256("${local.folder}/${file}")]))
  image   = "${var.registry}/function:${local.version}"
}

resource "terraform_data" "image" {
  triggers_replace = local.image

  provisioner "local-exec" {
    working_dir = local.folder
    environment = { REG = var.registry, IMAGE = local.image }
    command     = <<-EOT
      docker buildx build --build-arg BUILDKIT_SYNTAX="$REG/lambda-frontend" \
        --provenance=false --platform linux/arm64 --tag "$IMAGE" --push . &&
        lambdabase check "$IMAGE"
    EOT
  }
}

resource "aws_lambda_function" "function" {
  function_name = "function"
  role          = var.role
  package_type  = "Image"
  image_uri     = local.image
  architectures = ["arm64"]
  depends_on    = [terraform_data.image]
}
