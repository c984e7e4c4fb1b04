mock_provider "aws" {
  source = "../tests/mocks"
}

variables {
  name         = "windlass"
  region       = "eu-west-1"
  state_bucket = "windlass-state"
  secret_names = ["TOKEN", "DB_PASSWORD"]
}

run "state" {
  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "a state that is overwritten can be had back"
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.state.block_public_acls,
      aws_s3_bucket_public_access_block.state.block_public_policy,
      aws_s3_bucket_public_access_block.state.ignore_public_acls,
      aws_s3_bucket_public_access_block.state.restrict_public_buckets,
    ])
    error_message = "no policy and no grant opens the bucket"
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.state.policy).Statement == [{
      Sid       = "NothingInTheClear"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::state", "arn:aws:s3:::state/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "bucket and objects answer over TLS alone, and the policy grants nothing"
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "what is stored is encrypted"
  }

  assert {
    condition     = one(one(aws_s3_bucket_lifecycle_configuration.state.rule).noncurrent_version_expiration).noncurrent_days == 90
    error_message = "former versions go in the end"
  }

  assert {
    condition     = !aws_s3_bucket.state.force_destroy
    error_message = "nobody loses the state by default"
  }

  assert {
    condition     = length(module.secrets.arns) == 2 && output.repository_url == "123456789012.dkr.ecr.eu-west-1.amazonaws.com/windlass" && output.registry == "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    error_message = "a secret for each name, and the repository"
  }
}

run "without_a_repository" {
  variables {
    create_repository = false
  }

  assert {
    condition     = output.repository_url == null && output.registry == null && output.repository_arn == null
    error_message = "no repository"
  }
}

run "names_that_aws_would_refuse_later" {
  command = plan

  variables {
    name         = "internal-tools"
    state_bucket = "Has.Dots"
  }

  expect_failures = [var.name, var.state_bucket]
}
