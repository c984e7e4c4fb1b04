# Windlass as a function: an HTTP API and a streaming URL before it, a bucket and a table behind it, and its alarms.

locals {
  _log_group         = "/aws/lambda/${var.name}"
  _access_log_group  = "/aws/apigateway/${var.name}"
  _refresh_log_group = "/aws/lambda/${var.name}-refresh"

  # What both functions are told. Without a place of its own in windlass.yaml the index is in the bucket too.
  _environment = merge(
    {
      WINDLASS_STORE_BUCKET = module.store.bucket
      WINDLASS_STORE_TABLE  = module.store.table
    },
    var.environment,
  )
}

module "store" {
  source = "../../modules/knowledge-store"

  kms_key_arn = var.kms_key_arn
  name        = var.name
  protect     = var.protect
  region      = var.region
}

module "function" {
  source = "../../modules/function"

  access_log_group_arn    = module.observability.log_group_arns[local._access_log_group]
  architecture            = var.architecture
  function_url            = var.function_url
  image                   = var.image
  kms_key_arn             = var.kms_key_arn
  log_group               = local._log_group
  log_group_arn           = module.observability.log_group_arns[local._log_group]
  memory                  = var.memory
  name                    = var.name
  package                 = var.package
  package_hash            = var.package_hash
  policies                = concat([module.store.server_policy], data.aws_iam_policy_document.embedder[*].json)
  provisioned_concurrency = var.provisioned_concurrency
  release                 = var.release
  reserved_concurrency    = var.reserved_concurrency
  secrets                 = var.secrets
  throttle                = var.throttle
  timeout                 = var.timeout

  # The server ends a call and says so while somebody is still listening.
  environment = merge({ WINDLASS_LIMITS_DEADLINE = "${max(var.timeout - 2, 1)}s" }, local._environment)
}
