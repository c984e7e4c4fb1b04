# What has to be there before a stack: a bucket for Terraform's state and the list of releases, a repository for images,
# and empty containers for secrets. It begins with local state, which `windlass deploy` then keeps in the bucket.

resource "aws_s3_bucket" "state" {
  #checkov:skip=CKV_AWS_18:only deploys touch it, and every one leaves a receipt in it
  #checkov:skip=CKV_AWS_144:a stack lives in one region, and so does its state
  #checkov:skip=CKV_AWS_145:S3 encrypts every object; the state holds no secret that a key of one's own would guard
  #checkov:skip=CKV2_AWS_62:nothing waits for a change of the state
  bucket        = var.state_bucket
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_ownership_controls" "state" {
  #checkov:skip=CKV2_AWS_65:BucketOwnerEnforced is what it asks for
  bucket = aws_s3_bucket.state.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "state" {
  bucket = aws_s3_bucket.state.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "state" {
  bucket = aws_s3_bucket.state.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    id     = "former-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.keep_versions_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # Rules about former versions are refused before there can be any.
  depends_on = [aws_s3_bucket_versioning.state]
}

resource "aws_s3_bucket_policy" "state" {
  bucket = aws_s3_bucket.state.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "NothingInTheClear"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.state.arn, "${aws_s3_bucket.state.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  # Two changes of one bucket's policies at a time end in a conflict.
  depends_on = [aws_s3_bucket_public_access_block.state]
}

module "registry" {
  source = "../modules/registry"
  count  = var.create_repository ? 1 : 0

  name         = coalesce(var.repository, var.name)
  keep         = var.keep_images
  force_delete = var.force_destroy
}

module "secrets" {
  source = "../modules/secrets"

  name            = var.name
  names           = var.secret_names
  recovery_window = var.recovery_window
}
