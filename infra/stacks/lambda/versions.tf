terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }

  # Where the state is, `windlass deploy` says: `init -backend-config=...`.
  backend "s3" {}
}

provider "aws" {
  region            = var.region
  s3_use_path_style = var.s3_path_style

  default_tags {
    tags = merge(var.tags, { "windlass:name" = var.name })
  }
}
