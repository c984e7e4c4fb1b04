mock_provider "aws" {
  source = "../../tests/mocks"

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_resource "aws_dynamodb_table" {
    defaults = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/windlass-store" }
  }
}

variables {
  name   = "windlass"
  region = "eu-west-1"
}

run "as_designed" {
  assert {
    condition     = aws_s3_bucket.store.bucket == "windlass-store-123456789012-eu-west-1"
    error_message = "buckets' names are unique in the world: the account and the region are in it"
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.store.block_public_acls,
      aws_s3_bucket_public_access_block.store.block_public_policy,
      aws_s3_bucket_public_access_block.store.ignore_public_acls,
      aws_s3_bucket_public_access_block.store.restrict_public_buckets,
      aws_s3_bucket_ownership_controls.store.rule[0].object_ownership == "BucketOwnerEnforced",
    ])
    error_message = "nobody can make it public, by policy or by ACL"
  }

  assert {
    condition     = aws_s3_bucket_versioning.store.versioning_configuration[0].status == "Enabled"
    error_message = "an index that was overwritten can be had back"
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.store.rule[*]).apply_server_side_encryption_by_default[*]).sse_algorithm == "AES256"
    error_message = "objects are encrypted"
  }

  assert {
    condition = (
      data.aws_iam_policy_document.bucket.statement[0].effect == "Deny"
      && one(data.aws_iam_policy_document.bucket.statement[0].condition[*]).variable == "aws:SecureTransport"
      && toset(data.aws_iam_policy_document.bucket.statement[0].resources) == toset([aws_s3_bucket.store.arn, "${aws_s3_bucket.store.arn}/*"])
    )
    error_message = "nothing is read or written in the clear"
  }
}

# The seed's rule moved every object to a class that takes hours to read, and the live index with them.
run "no_rule_touches_the_index" {
  assert {
    condition = toset([
      for rule in aws_s3_bucket_lifecycle_configuration.store.rule : rule.filter[0].prefix
      if length(rule.expiration) + length(rule.transition) + length(rule.noncurrent_version_expiration) + length(rule.noncurrent_version_transition) > 0
    ]) == toset(["outputs/"])
    error_message = "only outputs/ may age; the index lives until a refresh replaces it"
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.store.rule : length(rule.transition) == 0])
    error_message = "nothing moves to a colder class"
  }
}

run "the_table_of_handles" {
  assert {
    condition = (
      aws_dynamodb_table.handles.hash_key == "handle"
      && aws_dynamodb_table.handles.billing_mode == "PAY_PER_REQUEST"
      && aws_dynamodb_table.handles.ttl[0].enabled && aws_dynamodb_table.handles.ttl[0].attribute_name == "expires"
      && aws_dynamodb_table.handles.point_in_time_recovery[0].enabled
      && aws_dynamodb_table.handles.server_side_encryption[0].enabled
    )
    error_message = "on demand, by handle, expiring, recoverable, encrypted"
  }
}

run "what_a_server_may_do" {
  assert {
    condition = toset(flatten([
      for statement in data.aws_iam_policy_document.server.statement : statement.resources
      if length(setintersection(statement.actions, ["s3:PutObject", "s3:DeleteObject"])) > 0
    ])) == toset(["${aws_s3_bucket.store.arn}/outputs/*"])
    error_message = "a server writes below outputs/ and nowhere else"
  }

  assert {
    condition     = alltrue(flatten([for statement in data.aws_iam_policy_document.server.statement : [for action in statement.actions : !strcontains(action, "*")]]))
    error_message = "every action has its name"
  }

  assert {
    condition     = !contains(flatten(data.aws_iam_policy_document.server.statement[*].resources), "*")
    error_message = "and every resource"
  }

  assert {
    condition = alltrue(flatten([
      for statement in data.aws_iam_policy_document.server.statement : [for condition in statement.condition : toset(condition.values) == toset(["outputs/*", "index/*"])]
      if contains(statement.actions, "s3:ListBucket")
    ]))
    error_message = "it lists what it may read"
  }
}

run "what_a_refresh_may_do" {
  assert {
    condition = toset(flatten([
      for statement in data.aws_iam_policy_document.refresh.statement : statement.resources
      if !contains(statement.actions, "s3:ListBucket")
    ])) == toset(["${aws_s3_bucket.store.arn}/index/*"])
    error_message = "a refresh reads and writes below index/ and nowhere else, and no handles"
  }

  assert {
    condition     = alltrue(flatten([for statement in data.aws_iam_policy_document.refresh.statement : [for action in statement.actions : !strcontains(action, "*")]]))
    error_message = "every action has its name"
  }

  assert {
    condition = alltrue(flatten([
      for statement in data.aws_iam_policy_document.refresh.statement : [for condition in statement.condition : toset(condition.values) == toset(["index/*"])]
      if contains(statement.actions, "s3:ListBucket")
    ]))
    error_message = "it lists the index alone"
  }
}

run "destroying_leaves_nothing" {
  assert {
    condition     = aws_s3_bucket.store.force_destroy && !aws_dynamodb_table.handles.deletion_protection_enabled
    error_message = "without protect a destroy is one"
  }
}

run "unless_it_is_protected" {
  variables {
    protect = true
  }

  assert {
    condition     = !aws_s3_bucket.store.force_destroy && aws_dynamodb_table.handles.deletion_protection_enabled
    error_message = "with protect it refuses"
  }
}

run "a_key_of_ones_own" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition = (
      one(one(aws_s3_bucket_server_side_encryption_configuration.store.rule[*]).apply_server_side_encryption_by_default[*]).kms_master_key_id == "arn:aws:kms:eu-west-1:123456789012:key/1"
      && aws_dynamodb_table.handles.server_side_encryption[0].kms_key_arn == "arn:aws:kms:eu-west-1:123456789012:key/1"
      && contains(flatten(data.aws_iam_policy_document.server.statement[*].actions), "kms:GenerateDataKey")
    )
    error_message = "both are under it, and the server may use it"
  }
}
