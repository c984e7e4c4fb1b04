# The search index, kept fresh: the server's own binary as a second function, which an event makes refresh every
# collection. It has no door: nothing on the network leads to it.

locals {
  _function = "${var.name}-refresh"
  # It authenticates nobody, and so reads no credential of callers. A value is named here and never told: see `function`.
  _secrets = {
    for variable, arn in var.secrets : variable => arn
    if !startswith(variable, "WINDLASS_AUTH_") && variable != "MCP_AUTH_TOKEN"
  }
}

resource "aws_lambda_function" "refresh" {
  #checkov:skip=CKV_AWS_117:it reaches AWS and the repositories it reads, no private network; in a VPC both would need a NAT gateway
  #checkov:skip=CKV_AWS_272:it is the package of the server, whose digest is checked against the build's receipt
  function_name = local._function
  description   = "Refreshes the search index of ${var.name}, ${var.release}"
  role          = aws_iam_role.refresh.arn

  package_type     = var.image == null ? "Zip" : "Image"
  image_uri        = var.image
  filename         = var.image == null ? var.package : null
  source_code_hash = var.image != null || var.package == null ? null : var.package_hash != null ? var.package_hash : filebase64sha256(var.package)
  runtime          = var.image == null ? "provided.al2023" : null
  handler          = var.image == null ? "bootstrap" : null

  architectures = [var.architecture]
  memory_size   = var.memory
  timeout       = var.timeout
  kms_key_arn   = var.kms_key_arn

  # One at a time: of two, one would do its work for nothing.
  reserved_concurrent_executions = 1

  environment {
    variables = merge(
      var.environment,
      { WINDLASS_LAMBDA_RUNS = "refresh" },
      { for variable, arn in local._secrets : variable => "secretsmanager:${arn}" },
    )
  }

  # Documents are unpacked one by one and the index is made in pieces: what is kept is a cache.
  ephemeral_storage {
    size = var.disk
  }

  # A refresh that failed twice: the message says what it was asked for, and why it failed.
  dead_letter_config {
    target_arn = aws_sqs_queue.failed.arn
  }

  logging_config {
    log_format = "Text"
    log_group  = var.log_group
  }

  tracing_config {
    mode = "Active"
  }

  depends_on = [aws_iam_role_policy.refresh]
}

# Nothing of a refresh that failed was published, so it can simply be tried again. Not for ever: the next one is due.
resource "aws_lambda_function_event_invoke_config" "refresh" {
  function_name                = aws_lambda_function.refresh.function_name
  maximum_event_age_in_seconds = 3600
  maximum_retry_attempts       = 1
}
