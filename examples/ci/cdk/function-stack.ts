// A stack of AWS CDK, with the Dockerfile of a function in the folder ../function. Lambda takes no attestations, which Docker adds
// unless it is told not to:
//
//   BUILDX_NO_DEFAULT_ATTESTATIONS=1 npx cdk deploy
import * as path from "node:path";
import { Stack, StackProps } from "aws-cdk-lib";
import { DockerImageAsset, Platform } from "aws-cdk-lib/aws-ecr-assets";
import { Architecture, DockerImageCode, DockerImageFunction } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";

const REG = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

export class FunctionStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);

    const image = new DockerImageAsset(this, "Image", {
      directory: path.join(__dirname, "..", "function"),
      platform: Platform.LINUX_ARM64,
      buildArgs: {
        BUILDKIT_SYNTAX: `${REG}/lambda-frontend`,
        LAMBDABASE_ECR: "snapshot",
      },
    });

    new DockerImageFunction(this, "Function", {
      code: DockerImageCode.fromEcr(image.repository, { tagOrDigest: image.imageTag }),
      architecture: Architecture.ARM_64,
    });
  }
}
