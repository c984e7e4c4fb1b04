# What the function may do: write its own log, be traced, read its own secrets, and what the stack adds.

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "function" {
  name               = "${var.name}-function"
  description        = "Runs ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "function" {
  #checkov:skip=CKV_AWS_356:X-Ray's two actions know no resources
  #checkov:skip=CKV_AWS_111:X-Ray's two actions know no resources
  source_policy_documents = var.policies

  # The group is made beforehand, with its retention: the function cannot make one that keeps lines for ever.
  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${var.log_group_arn}:*"]
  }

  statement {
    sid       = "Traces"
    actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = length(var.secrets) == 0 ? [] : [1]

    content {
      sid     = "Secrets"
      actions = ["secretsmanager:GetSecretValue"]
      # A reference may go on after the ARN, to a key inside the secret; a policy speaks of the secret.
      resources = sort(distinct([for arn in values(var.secrets) : join(":", slice(split(":", arn), 0, 7))]))
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "OwnKey"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role_policy" "function" {
  name   = "function"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.function.json
}
