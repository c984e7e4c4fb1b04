# What the server may do here. It writes outputs and reads the index; only a refresh writes that.
data "aws_iam_policy_document" "server" {
  statement {
    sid       = "Outputs"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = ["${aws_s3_bucket.store.arn}/outputs/*"]
  }

  statement {
    sid       = "Index"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.store.arn}/index/*"]
  }

  # Without it S3 answers 403 for what is not there, and nobody can tell a missing index from a missing right.
  statement {
    sid       = "WhatThereIs"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.store.arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["outputs/*", "index/*"]
    }
  }

  statement {
    sid = "Handles"
    actions = [
      "dynamodb:DeleteItem",
      "dynamodb:DescribeTable",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
    ]
    resources = [aws_dynamodb_table.handles.arn]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "Key"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

# What a refresh may do here: read and write the index, and nothing that belongs to callers.
data "aws_iam_policy_document" "refresh" {
  statement {
    sid       = "WriteIndex"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = ["${aws_s3_bucket.store.arn}/index/*"]
  }

  statement {
    sid       = "WhatIndexThereIs"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.store.arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["index/*"]
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "IndexKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}
