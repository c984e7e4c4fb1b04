# Which handles there are, whose they are, and until when.
resource "aws_dynamodb_table" "handles" {
  name         = "${var.name}-store"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "handle"

  deletion_protection_enabled = var.protect

  attribute {
    name = "handle"
    type = "S"
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
}
