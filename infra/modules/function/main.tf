# One binary as a function: published versions that never change, and the alias clients are sent through.
#
# Terraform publishes; it never moves the alias. Whoever deploys proves a version first and moves `live` then, and moves
# it back if need be: so an apply alone changes nothing for clients, and a rollback is one call that builds nothing.

locals {
  # The value a plain variable has instead of the secret: the binary reads the secret itself when it starts. Lambda has
  # no other way, and a value that stood here would also stand in the state, the console and every GetFunction.
  _secrets = { for variable, arn in var.secrets : variable => "secretsmanager:${arn}" }
}

resource "aws_lambda_function" "function" {
  #checkov:skip=CKV_AWS_116:clients wait for the answer; nothing here is invoked without somebody to tell
  #checkov:skip=CKV_AWS_117:it reaches AWS and the internet, no private network; in a VPC both would need a NAT gateway
  #checkov:skip=CKV_AWS_272:the package's digest is checked against the build's receipt before the alias moves
  function_name = var.name
  description   = "Windlass ${var.release}"
  role          = aws_iam_role.function.arn
  publish       = true

  package_type     = var.image == null ? "Zip" : "Image"
  image_uri        = var.image
  filename         = var.image == null ? var.package : null
  source_code_hash = var.image != null || var.package == null ? null : var.package_hash != null ? var.package_hash : filebase64sha256(var.package)
  runtime          = var.image == null ? "provided.al2023" : null
  handler          = var.image == null ? "bootstrap" : null

  architectures                  = [var.architecture]
  memory_size                    = var.memory
  timeout                        = var.timeout
  reserved_concurrent_executions = var.reserved_concurrency
  kms_key_arn                    = var.kms_key_arn

  environment {
    variables = merge(var.environment, local._secrets)
  }

  # Text: the lines reach the log as the server wrote them, and those are JSON already.
  logging_config {
    log_format = "Text"
    log_group  = var.log_group
  }

  tracing_config {
    mode = "Active"
  }

  # A version that starts before it may read its secrets fails its first call.
  depends_on = [aws_iam_role_policy.function]

  lifecycle {
    precondition {
      condition     = (var.package == null) != (var.image == null)
      error_message = "A function is made of a zip or of an image: give `package` or `image`, not both."
    }

    precondition {
      condition     = length(setintersection(keys(var.environment), keys(var.secrets))) == 0
      error_message = "A variable is in `environment` or in `secrets`, not in both: ${join(", ", setintersection(keys(var.environment), keys(var.secrets)))}."
    }
  }
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "What clients reach: moved by `windlass deploy` once a version is proven"
  function_name    = aws_lambda_function.function.function_name
  function_version = aws_lambda_function.function.version

  lifecycle {
    ignore_changes = [function_version, routing_config]
  }
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  count = var.provisioned_concurrency > 0 ? 1 : 0

  function_name                     = aws_lambda_function.function.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = var.provisioned_concurrency
}
