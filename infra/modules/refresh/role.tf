# What a refresh may do: write the index, read its sources and its own secrets, write its log, be traced, and say that it
# failed.

data "aws_partition" "current" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "refresh" {
  name               = local._function
  description        = "Refreshes the search index of ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "refresh" {
  #checkov:skip=CKV_AWS_356:X-Ray's two actions know no resources
  #checkov:skip=CKV_AWS_111:X-Ray's two actions know no resources
  source_policy_documents = var.policies

  statement {
    sid       = "RefreshLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${var.log_group_arn}:*"]
  }

  statement {
    sid       = "RefreshTraces"
    actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    resources = ["*"]
  }

  statement {
    sid       = "GivenUp"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.failed.arn]
  }

  dynamic "statement" {
    for_each = length(var.sources) == 0 ? [] : [1]

    content {
      sid       = "Sources"
      actions   = ["s3:GetObject"]
      resources = sort([for source in var.sources : "arn:${data.aws_partition.current.partition}:s3:::${trimsuffix(source, "/")}/*"])
    }
  }

  # One statement for each, since the prefix belongs to its own bucket.
  dynamic "statement" {
    for_each = { for position, source in sort(var.sources) : position => split("/", trimsuffix(source, "/")) }

    content {
      sid       = "SourceList${statement.key}"
      actions   = ["s3:ListBucket"]
      resources = ["arn:${data.aws_partition.current.partition}:s3:::${statement.value[0]}"]

      condition {
        test     = "StringLike"
        variable = "s3:prefix"
        values   = [length(statement.value) == 1 ? "*" : "${join("/", slice(statement.value, 1, length(statement.value)))}/*"]
      }
    }
  }

  dynamic "statement" {
    for_each = length(local._secrets) == 0 ? [] : [1]

    content {
      sid       = "RefreshSecrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = sort(distinct([for arn in values(local._secrets) : join(":", slice(split(":", arn), 0, 7))]))
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "RefreshKey"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role_policy" "refresh" {
  name   = "refresh"
  role   = aws_iam_role.refresh.id
  policy = data.aws_iam_policy_document.refresh.json
}
