# What replicas without a disk keep: text too long for an answer, the handles that name it, and the search index.
#
# The bucket has two prefixes with two lives. `outputs/` is written by every call and expires; `index/` is what search
# reads, is replaced only by a refresh, and no rule here may age it: an index that moved to a colder class or expired
# would take search down months after anybody changed anything.

data "aws_caller_identity" "current" {}

resource "aws_s3_bucket" "store" {
  #checkov:skip=CKV_AWS_18:reads and writes are audit lines of the server already; access logs would need a bucket that outlives this one
  #checkov:skip=CKV_AWS_144:outputs live for hours and the index is made again by a refresh; a second region would double the cost of both
  #checkov:skip=CKV2_AWS_62:nothing reacts to objects
  bucket        = "${var.name}-store-${data.aws_caller_identity.current.account_id}-${var.region}"
  force_destroy = !var.protect

  lifecycle {
    precondition {
      condition     = length("${var.name}-store-${data.aws_caller_identity.current.account_id}-${var.region}") <= 63
      error_message = "The bucket's name would be longer than 63 characters; choose a shorter name for the deployment."
    }
  }
}

resource "aws_s3_bucket_public_access_block" "store" {
  bucket = aws_s3_bucket.store.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# No ACLs: who may read is said by policies alone.
resource "aws_s3_bucket_ownership_controls" "store" {
  bucket = aws_s3_bucket.store.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "store" {
  bucket = aws_s3_bucket.store.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "store" {
  bucket = aws_s3_bucket.store.id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "store" {
  bucket = aws_s3_bucket.store.id

  # A bucket learns of its rules after its versions, or refuses those that speak of old ones.
  depends_on = [aws_s3_bucket_versioning.store]

  rule {
    id     = "outputs-expire"
    status = "Enabled"

    filter {
      prefix = "outputs/"
    }

    expiration {
      days = var.outputs_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  # Uploads that were never finished are invisible and cost money; this touches no object that exists.
  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "NothingInTheClear"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.store.arn, "${aws_s3_bucket.store.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "store" {
  bucket = aws_s3_bucket.store.id
  policy = data.aws_iam_policy_document.bucket.json

  # Both change what the bucket lets in; S3 refuses to do two of these at a time.
  depends_on = [aws_s3_bucket_public_access_block.store]
}
